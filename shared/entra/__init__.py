"""Reads and writes Microsoft Entra ID through Microsoft Graph, within its write quota."""
