"""`python -m vatrace` is the command line."""

import sys

from vatrace.cli import main

sys.exit(main())
