"""Microsoft Entra ID through Microsoft Graph: reading and writing, under its quota."""
