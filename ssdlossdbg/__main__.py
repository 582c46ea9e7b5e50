"""`python -m ssdlossdbg`."""

from ssdlossdbg.cli.app import main

if __name__ == "__main__":
    main()
