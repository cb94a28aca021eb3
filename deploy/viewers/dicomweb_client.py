"""dicomweb-client for Python: the gateway's URL is all that it needs, since there is no token to get and none to renew."""

from dicomweb_client import DICOMwebClient

client = DICOMwebClient(url="http://127.0.0.1:8080/dicom-web")

for study in client.search_for_studies(limit=10):
    uid = study["0020000D"]["Value"][0]
    # `*` asks for the objects as they are stored, so that the service need not transcode them.
    instances = client.retrieve_study(uid, media_types=(("application/dicom", "*"),))
    print(uid, len(instances), "instances")
