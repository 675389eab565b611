"""What no real provider offers: the levers by which tests, the demo and people move this one."""
