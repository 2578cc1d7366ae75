"""Microsoft Entra ID through Microsoft Graph: reading, looking around, writing."""
