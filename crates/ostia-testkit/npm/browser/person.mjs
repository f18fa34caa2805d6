// A person at a real browser: what the stories share.
import { chromium } from 'playwright-core';

export const facts = JSON.parse(process.argv[2]);

// Runs `story(browser)` and prints what it returns as one line of JSON.
export async function tell(story) {
  const browser = await chromium.launch({
    executablePath: facts.executablePath,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync',
      // Nothing leaves this machine: pages of the provider ask for fonts from the internet.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
    ],
  });
  try {
    console.log(JSON.stringify(await story(browser)));
  } catch (error) {
    // Where it got stuck.
    for (const page of browser.contexts().flatMap((context) => context.pages())) {
      console.error(`at ${page.url()}:\n${await page.content().catch(() => '')}`);
    }
    throw error;
  } finally {
    await browser.close();
  }
}

// A fresh profile. What our own pages do against their content security policy is added to `violations`.
export async function person(browser, violations = []) {
  const context = await browser.newContext();
  context.setDefaultTimeout(20_000);
  context.on('console', (message) => {
    const ours = message.location().url.startsWith(facts.origin);
    if (message.type() === 'error' && ours && /Content Security Policy/.test(message.text())) {
      violations.push(message.text());
    }
  });
  return context;
}

export const go = (page, path) => page.goto(facts.origin + path, { waitUntil: 'domcontentloaded' });

// Clicks what leads to another page, and waits for that page.
export const follow = (page, button) =>
  Promise.all([page.waitForNavigation({ waitUntil: 'domcontentloaded' }), button.click()]);

// Chooses a provider where the story says which.
export async function choose(page) {
  if (facts.choose) {
    await follow(page, page.locator('.choices a', { hasText: facts.choose }));
  }
}

// Through the provider's forms, or none where it still knows the person, to an address that `isThere`.
export async function signIn(page, name, isThere = (url) => url.startsWith(facts.origin)) {
  await page.waitForURL((url) => !url.href.startsWith(facts.origin) || isThere(url.href));
  for (let form = 0; form < 3 && !page.url().startsWith(facts.origin); form += 1) {
    // A form that posts itself has no button that is shown: then the way back is the next that happens.
    const button = page.locator('button[type=submit]').waitFor({ state: 'visible' });
    const back = page.waitForURL((url) => isThere(url.href));
    await Promise.race([button.catch(() => {}), back.catch(() => {})]);
    if (page.url().startsWith(facts.origin)) {
      break;
    }
    const field = page.locator('input[name=login]');
    if (await field.count()) {
      await field.fill(name);
      await page.fill('input[name=password]', 'any');
    }
    await follow(page, page.locator('button[type=submit]'));
  }
  await page.waitForURL((url) => isThere(url.href));
}

let pictures = 0;

export async function picture(page, name) {
  pictures += 1;
  await page.screenshot({ path: `${facts.artefacts}/${String(pictures).padStart(2, '0')}-${name}.png` });
}
