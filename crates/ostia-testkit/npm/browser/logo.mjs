// The picture on Ostia's own pages, as a browser shows it under their content security policy.
import { facts, go, person, picture, tell } from './person.mjs';

await tell(async (browser) => {
  const saw = { violations: [] };
  const page = await (await person(browser, saw.violations)).newPage();
  await go(page, facts.path);
  await picture(page, 'logo');
  saw.logo = await page.evaluate(async () => {
    const logo = document.querySelector('main img');
    await logo.decode();
    return { alt: logo.alt, width: logo.naturalWidth, shown: logo.getBoundingClientRect().width > 0 };
  });
  saw.scripts = await page.evaluate(() => window.ranInLogo ?? null);
  return saw;
});
