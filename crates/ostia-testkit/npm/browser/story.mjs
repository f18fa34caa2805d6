// The main job as a person does it: deep link, login, back, two tabs, denial, logout.
import { follow, go, person, picture, signIn, tell } from './person.mjs';

await tell(async (browser) => {
  const saw = { violations: [] };
  const page = await (await person(browser, saw.violations)).newPage();
  await go(page, '/deep%2Flink?q=a+b%20c');
  await picture(page, 'provider');
  await signIn(page, 'ana');
  await picture(page, 'signed-in');
  saw.afterLogin = page.url();
  saw.scriptCookies = await page.evaluate(() => document.cookie);

  // Back leads to the page before, and from the first one not into the sign-in: a spent callback must not trap.
  await go(page, '/first');
  await go(page, '/second');
  await page.goBack({ waitUntil: 'domcontentloaded' });
  saw.afterBack = page.url();
  await page.goBack({ waitUntil: 'domcontentloaded' });
  saw.afterBackToLogin = page.url();

  // Two tabs opened before either has signed in; the first one finishes last.
  const tabsOf = await person(browser, saw.violations);
  const tabs = [await tabsOf.newPage(), await tabsOf.newPage()];
  await Promise.all(tabs.map((tab, index) => go(tab, `/tab/${index + 1}?x=${index + 1}`)));
  await signIn(tabs[1], 'bo');
  await tabs[0].reload({ waitUntil: 'domcontentloaded' });
  await signIn(tabs[0], 'bo');
  saw.tabs = tabs.map((tab) => tab.url());

  // Bo is not in finance.
  const denied = await go(tabs[1], '/finance/report');
  saw.denied = { status: denied.status(), url: tabs[1].url() };
  await picture(tabs[1], 'denied');

  await go(page, '/.ostia/logout');
  await picture(page, 'sign-out');
  await follow(page, page.locator('button[type=submit]'));
  const atProvider = page.locator('button[value=yes]');
  if (await atProvider.count()) {
    await follow(page, atProvider);
  }
  await page.waitForURL((url) => url.pathname === '/.ostia/signed-out');
  saw.signedOut = page.url().split('?')[0];
  await picture(page, 'signed-out');
  await go(page, '/');
  saw.afterSignOut = (await page.locator('input[name=login]').count()) ? 'login' : page.url();
  // Back after signing out shows nothing of before: the page is asked for anew, and that takes a login.
  await page.goBack({ waitUntil: 'domcontentloaded' });
  saw.afterSignOutAndBack = new URL(page.url()).pathname;
  return saw;
});
