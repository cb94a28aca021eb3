#!/bin/sh
# dcm4che's command line tools. Not run by our tests.
gateway='http://127.0.0.1:8080/dicom-web'
study='2.25.211903541672330815207463518902746170001' # the demo's CT

# Retrieve. wadors puts what it accepts into the URL, as `accept=…`; `--header` makes it a header, which all services read.
wadors --header -a 'multipart/related;type="application/dicom";transfer-syntax=*' --out-dir . "$gateway/studies/$study"

# Store. Without `-a json` stowrs wants XML, which Azure's service does not write. The route needs `allow` with "store".
stowrs -a json --url "$gateway/studies" image.dcm
