import 'swagger-ui-dist/swagger-ui.css';

import SwaggerUIBundle from 'swagger-ui-dist/swagger-ui-bundle.js';

// Relative to the page, because a proxy may serve it below a path of its own. No validator: it would be a foreign server.
SwaggerUIBundle({
  url: new URL('openapi.json', document.baseURI).href,
  dom_id: '#docs',
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: 'none',
});
