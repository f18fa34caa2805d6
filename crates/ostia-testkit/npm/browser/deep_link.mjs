// One deep link with a fragment, through a login.
import { choose, facts, go, person, picture, signIn, tell } from './person.mjs';

await tell(async (browser) => {
  const saw = { violations: [] };
  const page = await (await person(browser, saw.violations)).newPage();
  await go(page, facts.path);
  await choose(page);
  await signIn(page, 'ana', (url) => url.startsWith(facts.origin + facts.path.split('#')[0]));
  await picture(page, 'signed-in');
  saw.afterLogin = page.url();
  await page.reload({ waitUntil: 'domcontentloaded' });
  saw.afterReload = page.url();
  return saw;
});
