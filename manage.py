#!/usr/bin/env python3
"""Django's command line for Ringmaster. `make run` and `make test` are the ways in for people; this is the way in for everything else."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dialer_project.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
