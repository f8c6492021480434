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

// Waits until nothing is asked any more and what came is drawn, as somebody waits who looks before she types.
export function looks(page) {
  const open = new Set();
  page.on('request', (r) => { if (r.resourceType() !== 'eventsource') open.add(r); });
  for (const end of ['requestfinished', 'requestfailed']) page.on(end, (r) => open.delete(r));
  return async () => {
    await page.waitForTimeout(400);
    for (const until = Date.now() + 20000; open.size > 0 && Date.now() < until;) await page.waitForTimeout(50);
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  };
}
