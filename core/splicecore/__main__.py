"""``python -m splicecore`` is ``splicecore``."""

from splicecore.cli.main import main

if __name__ == "__main__":
    main()
