"""An emulator of AWS as a process of its own, for tests: nothing of it is installed beside the shop."""
