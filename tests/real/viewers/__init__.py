"""Viewers and clients as they are, and through the gateway two services at once: an emulated Azure DICOM service, and Orthanc."""
