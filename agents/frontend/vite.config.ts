import { defineConfig } from 'vitest/config';

export default defineConfig({
  base: './', // assets are found beside the script, wherever the static files are served
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../static/console',
    emptyOutDir: true,
    manifest: 'manifest.json',
    target: 'es2022',
    modulePreload: false,
    rolldownOptions: { input: 'src/main.tsx' },
  },
  worker: { format: 'es' },
  test: { environment: 'happy-dom', include: ['tests/**/*.test.{ts,tsx}'] },
});
