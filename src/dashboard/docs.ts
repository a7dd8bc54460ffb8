import 'swagger-ui-dist/swagger-ui.css';
import './docs.css';

// As the dashboard is set (settings.ts), or the system.
const system = matchMedia('(prefers-color-scheme: dark)');

function colour(): void {
  let chosen: string | null = null;
  try {
    chosen = localStorage.getItem('battery-twin.theme');
  } catch {
    // A browser that keeps nothing has nothing set.
  }
  document.documentElement.classList.toggle('dark-mode', chosen === 'dark' || (chosen !== 'light' && system.matches));
}

colour();
system.addEventListener('change', colour);
addEventListener('storage', colour);

// It is large: loaded after the colours are set.
const { default: SwaggerUIBundle } = await import('swagger-ui-dist/swagger-ui-bundle.js');

// Relative to the page, because a proxy may serve it below a path of its own. No validator: it would be a foreign server.
SwaggerUIBundle({
  url: new URL('openapi.json', document.baseURI).href,
  dom_id: '#docs',
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: 'none',
});
