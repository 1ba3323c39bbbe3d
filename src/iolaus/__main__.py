"""`python -m iolaus VERB …` is `iolaus VERB …`."""

from iolaus.cli.verbs import main

if __name__ == "__main__":
    main()
