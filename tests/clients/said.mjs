// Opens addresses of the page one after the other and prints what its live region says on each: node said.mjs URL HASH…
import { launch, stands } from './page.mjs';
const [url, ...hashes] = process.argv.slice(2);
const { browser, page } = await launch();
await page.goto(url);
await stands(page);
const texts = [];
for (const hash of hashes) {
  await page.evaluate((h) => { document.getElementById('said').textContent = ''; location.hash = h; }, hash);
  await page.waitForFunction((h) => {
    const text = document.getElementById('said').textContent;
    return text.startsWith(h.slice(2, 4).toUpperCase()[0]) && text.includes('Answer');
  }, hash, { timeout: 30000 });
  texts.push(await page.evaluate(() => document.getElementById('said').textContent));
}
console.log(JSON.stringify(texts));
await browser.close();
