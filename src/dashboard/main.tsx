import './style.css';

import { render } from 'preact';

render(<h1>battery-twin</h1>, document.getElementById('app')!);
