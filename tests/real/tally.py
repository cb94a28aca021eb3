"""How checks are run, told of and counted."""

import inspect
import time
import traceback


class Tally:
    """Runs checks, says how each went, and counts."""

    def __init__(self, words):
        self.passed = 0
        self.failed = 0
        self._words = words

    def run(self, module, subject, about=""):
        """All public functions of the module, in the order in which they stand there; each one's sentence begins with `about`."""
        functions = [value for name, value in vars(module).items() if inspect.isfunction(value) and not name.startswith("_")]
        for function in functions:
            if function.__module__ == module.__name__:
                self.check(about + function.__name__.replace("_", " "), lambda: function(subject))

    def check(self, sentence, function):
        """One check."""
        if self._words and not any(word in sentence for word in self._words):
            return
        start = time.monotonic()
        try:
            function()
        except Exception:
            self.failed += 1
            print(f"FAIL {sentence}\n{traceback.format_exc(limit=-3, chain=False)}", flush=True)
        else:
            self.passed += 1
            print(f"ok   {sentence} ({time.monotonic() - start:.1f} s)", flush=True)
