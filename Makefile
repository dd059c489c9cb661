# Everything is done by dialer_project/local, which needs only Python; make is the short way to say it.
# PORT and STATE_DIR move what `run` starts; ARGS is handed on, for example: make test ARGS="-k callback"
PYTHON ?= python3
LOCAL = @exec $(PYTHON) -m dialer_project.local

.PHONY: run test bench mutations lock format diagrams words manage clean
run:      ; $(LOCAL) run $(ARGS)
test:     ; $(LOCAL) test $(ARGS)
bench:    ; $(LOCAL) bench $(ARGS)
mutations: ; $(LOCAL) mutations $(ARGS)
lock:     ; $(LOCAL) lock $(ARGS)
format:   ; $(LOCAL) format $(ARGS)
diagrams: ; $(LOCAL) diagrams $(ARGS)
words:    ; $(LOCAL) words $(ARGS)
manage:   ; $(LOCAL) manage $(ARGS)
clean:    ; $(LOCAL) clean
