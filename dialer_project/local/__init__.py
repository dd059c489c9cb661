"""`make run` and `make test`: the whole product on one machine, from nothing but Python and make.

Standard library only, because it runs before anything is installed. Has never heard of a lead, an agent or a call: what it starts is a
table in `product`, what it checks is a table in `checks`.
"""
