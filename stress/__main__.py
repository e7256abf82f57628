"""The command `perp-stress`, which `python -m stress` is too."""

import sys

from stress.module_path import without_working_folder


def main() -> None:
    """Entry point of the command."""
    sys.path[:] = without_working_folder()
    from stress.cli import main

    main()


if __name__ == "__main__":
    main()
