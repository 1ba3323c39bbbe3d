"""`python -m iolaus VERB …` is `iolaus VERB …`."""

from iolaus.cli import main

if __name__ == "__main__":
    main()
