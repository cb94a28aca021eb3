// OHIF 3: put this in place of its app-config.js. Where OHIF comes from another origin than the gateway, that
// origin must stand in the route's `cors = { origins = ["https://viewer.example"] }`.
// There is no `oidc` here on purpose: the browser holds no token, and has none to send.
const gateway = 'http://127.0.0.1:8080/dicom-web';

window.config = {
  routerBasename: null,
  extensions: [],
  modes: [],
  showStudyList: true,
  investigationalUseDialog: { option: 'never' },
  defaultDataSourceName: 'gateway',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'gateway',
      configuration: {
        friendlyName: 'DICOM service',
        name: 'gateway',
        qidoRoot: gateway,
        wadoRoot: gateway,
        wadoUriRoot: gateway,
        imageRendering: 'wadors',
        thumbnailRendering: 'wadors',
        enableStudyLazyLoad: true,
        supportsFuzzyMatching: false,
        supportsWildcard: true,
        qidoSupportsIncludeField: false,
        singlepart: 'bulkdata,video,pdf',
        bulkDataURI: { enabled: true },
      },
    },
  ],
};
