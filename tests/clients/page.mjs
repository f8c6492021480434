// A browser as all walks through the page want it: the one of the system, without a GPU, asking nobody but the page.
const { chromium } = await import(`${process.env.NODE_CLIENT_ROOT}/node_modules/playwright-core/index.mjs`);
const args = ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export async function launch() {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true });
  return { browser, page: await context.newPage() };
}

// Waits until the screens stand on the canvas.
export const stands = (page) => page.waitForFunction(() => document.querySelector('canvas').width > 300);
