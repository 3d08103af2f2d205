"""`python -m nedsvc`: the command line."""

from nedsvc.cli import main

if __name__ == "__main__":
    main(prog_name="nedsvc")
