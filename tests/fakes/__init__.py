"""Servers on loopback that stand in for the services Ballast talks to."""
