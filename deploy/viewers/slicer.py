"""3D Slicer: paste this into its Python console. Not run by our tests.

By hand, the same URL goes into the DICOMweb browser extension ("server URL"), and into "Send to DICOM server" as a DICOMweb destination.
Slicer has no field for a token, and needs none.
"""

from DICOMLib import DICOMUtils

DICOMUtils.importFromDICOMWeb(
    dicomWebEndpoint="http://127.0.0.1:8080/dicom-web",
    studyInstanceUID="2.25.211903541672330815207463518902746170001",  # the demo's CT
)
