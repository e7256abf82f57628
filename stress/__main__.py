"""`python -m stress` is the command `perp-stress`."""

from stress.cli import main

if __name__ == "__main__":
    main()
