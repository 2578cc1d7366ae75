"""Faults planted in the app on purpose, as patches: does the simulation find each?"""
