// A form that is posted after the session has ended, through a login, to where it was meant for.
import { choose, facts, go, person, picture, signIn, tell } from './person.mjs';

await tell(async (browser) => {
  const saw = { violations: [] };
  const context = await person(browser, saw.violations);
  const page = await context.newPage();
  await go(page, '/first');
  await choose(page);
  await signIn(page, 'ana', (url) => url.startsWith(`${facts.origin}/first`));
  // The session ends while its owner writes.
  const kept = (await context.cookies()).filter((cookie) => !cookie.name.startsWith('__Host-ostia'));
  await context.clearCookies();
  await context.addCookies(kept);
  await page.evaluate(([path, fields]) => {
    const form = document.createElement('form');
    form.method = 'post';
    form.action = path;
    for (const [name, value] of fields) {
      const input = document.createElement('textarea');
      input.name = name;
      input.value = value;
      form.append(input);
    }
    document.body.append(form);
    HTMLFormElement.prototype.submit.call(form);
  }, [facts.path, facts.fields]);
  if (facts.choose) {
    await page.locator('.choices').waitFor();
    await picture(page, 'choice');
  }
  await choose(page);
  await signIn(page, 'ana', (url) => url === facts.origin + facts.path);
  await page.waitForLoadState('domcontentloaded');
  await picture(page, 'posted');
  saw.afterLogin = page.url();
  // Nothing of it is left: the page that posts again just goes there.
  saw.left = await page.evaluate(() => sessionStorage.length);
  return saw;
});
