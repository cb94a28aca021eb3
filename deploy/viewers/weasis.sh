#!/bin/sh
# Weasis, started with a study. Not run by our tests.
#
# By hand: File > Preferences > DICOM node list > Add new, service type "DICOMweb (all RESTful services)", the same URL, no
# authentication. Weasis asks for what it found at the retrieve URLs that it finds there: leave `urls` at its default, so that
# those are the gateway's. To store, Weasis wants the answer as XML, which Azure's service does not write.
gateway='http://127.0.0.1:8080/dicom-web'
study='2.25.211903541672330815207463518902746170001' # the demo's CT

xdg-open "weasis://%24dicom%3Ars+--url+%22${gateway}%22+-r+%22studyUID%3D${study}%22"
