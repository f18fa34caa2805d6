// The main job as a person does it: deep link, login, back, two tabs, denial, logout.
//
// argv[2]: { "origin", "executablePath", "artefacts" }. Prints what it saw as one line of JSON.
import { chromium } from 'playwright-core';

const { origin, executablePath, artefacts } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({
  executablePath,
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
    // Nothing leaves this machine: pages of the provider ask for fonts from the internet.
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
  ],
});
const saw = { consoleErrors: [] };
let pictures = 0;

async function person() {
  const context = await browser.newContext();
  context.setDefaultTimeout(20_000);
  context.on('console', (message) => {
    const ours = message.location().url.startsWith(origin);
    if (message.type() === 'error' && ours && /Content Security Policy/.test(message.text())) {
      saw.consoleErrors.push(message.text());
    }
  });
  return context;
}

async function picture(page, name) {
  pictures += 1;
  await page.screenshot({ path: `${artefacts}/${String(pictures).padStart(2, '0')}-${name}.png` });
}

// Through the provider's two forms, or none where it still knows the person.
async function signIn(page, name) {
  for (let form = 0; form < 3 && !page.url().startsWith(origin); form += 1) {
    const field = page.locator('input[name=login]');
    if (await field.count()) {
      await field.fill(name);
      await page.fill('input[name=password]', 'any');
    }
    await Promise.all([page.waitForNavigation({ waitUntil: 'domcontentloaded' }), page.click('button[type=submit]')]);
  }
}

const go = (page, path) => page.goto(origin + path, { waitUntil: 'domcontentloaded' });

try {
  const ana = await person();
  const page = await ana.newPage();
  await go(page, '/deep%2Flink?q=a+b%20c');
  await picture(page, 'provider');
  await signIn(page, 'ana');
  await picture(page, 'signed-in');
  saw.afterLogin = page.url();
  saw.scriptCookies = await page.evaluate(() => document.cookie);

  // Back does not fall into the provider or the callback.
  await go(page, '/first');
  await go(page, '/second');
  await page.goBack({ waitUntil: 'domcontentloaded' });
  saw.afterBack = page.url();

  // Two tabs opened before either has signed in.
  const twoTabs = await person();
  const tabs = [await twoTabs.newPage(), await twoTabs.newPage()];
  await Promise.all(tabs.map((tab, index) => go(tab, `/tab/${index + 1}?x=${index + 1}`)));
  await signIn(tabs[1], 'bo');
  await tabs[0].reload({ waitUntil: 'domcontentloaded' });
  await signIn(tabs[0], 'bo');
  saw.tabs = tabs.map((tab) => tab.url());

  // Bo is not in finance.
  const denied = await go(tabs[1], '/finance/report');
  saw.denied = { status: denied.status(), url: tabs[1].url(), title: await tabs[1].title() };
  await picture(tabs[1], 'denied');

  await go(page, '/.ostia/logout');
  await picture(page, 'sign-out');
  await Promise.all([page.waitForNavigation({ waitUntil: 'domcontentloaded' }), page.click('button[type=submit]')]);
  const atProvider = page.locator('button[value=yes]');
  if (await atProvider.count()) {
    await Promise.all([page.waitForNavigation({ waitUntil: 'domcontentloaded' }), atProvider.click()]);
  }
  await page.waitForURL((url) => url.pathname === '/.ostia/signed-out');
  saw.signedOut = page.url();
  await picture(page, 'signed-out');
  await go(page, '/');
  saw.afterSignOut = (await page.locator('input[name=login]').count()) ? 'login' : page.url();
} finally {
  await browser.close();
}
console.log(JSON.stringify(saw));
