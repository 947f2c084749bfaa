//! The console as somebody meets it who opens it in a browser.

use annals_tests::{
    World, busy, lift, nestsync,
    token::{self, Who},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{address, browser::Browser, world, world_with};

/// Signs in by the form, as somebody who has a token.
pub(super) async fn sign_in(browser: &mut Browser, world: &World, who: Who) {
    browser.go(&format!("http://{}/", address(world))).await;
    assert_eq!(browser.text("h1").await, "Sign in");
    browser.js("document.getElementById('token').focus()").await;
    browser.write(&token::token(who)).await;
    browser.js("document.querySelector('form button').click()").await;
    browser
        .until("document.querySelector('nav a') && !document.querySelector('[aria-busy]')")
        .await;
}

pub(super) fn at(world: &World, place: &str) -> String {
    format!("http://{}/#/{place}", address(world))
}

/// Colours that stand beside each other are apart enough to be read (WCAG 2.2, 1.4.3).
pub(super) const CONTRAST: &str = r#"(() => {
  const parse = (it) => it.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((it) => it / 255).map((it) => it <= .03928 ? it / 12.92 : ((it + .055) / 1.055) ** 2.4)
    .reduce((sum, it, nth) => sum + it * [.2126, .7152, .0722][nth], 0);
  const behind = (it) => { for (let at = it; at; at = at.parentElement) { const c = parse(getComputedStyle(at).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
  const low = [];
  for (const it of document.querySelectorAll('main *, header *')) {
    const own = [...it.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || it.closest('.unseen, .skip, :disabled') || !it.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(it).color)), light(behind(it))].sort((x, y) => y - x);
    if ((a + .05) / (b + .05) < 4.5) low.push(it.outerHTML.slice(0, 100));
  }
  return low;
})()"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_signs_in_looks_for_a_record_and_draws_it_as_it_was() {
    let Some(mut browser) = Browser::open().await else { return };
    let world = world().await;
    let nest = nestsync::family(&world, nestsync::NORA).await;
    let nora = world.as_person(nestsync::NORA);
    for quantity in ["2", "3"] {
        let used = json!({"quantity": quantity, "notes": "one night"});
        nora.send("nestsync.cmd.log_usage", nest.item, used).await.ok();
    }
    world.all_shown().await;

    browser.go(&format!("http://{}/", address(&world))).await;
    browser.controls().await;
    browser.picture("1-sign-in").await;
    browser.js("document.getElementById('token').value = 'nonsense'").await;
    browser.js("document.querySelector('form button').click()").await;
    browser.until("document.querySelector('.problem')").await;
    assert!(browser.text(".problem").await.contains("cannot be believed"));
    sign_in(&mut browser, &world, Who::Person(nestsync::NORA)).await;
    assert_eq!(browser.text("h1").await, "What happened last");
    assert_eq!(browser.js("document.cookie").await, "", "no script reads the session");
    assert_eq!(browser.js("document.querySelectorAll('nav a').length").await, 1);
    browser.controls().await;
    browser.picture("2-search").await;

    // By name, then the record, then its story.
    browser.js("document.getElementById('text').value = 'nappies'").await;
    browser.js("document.querySelector('form[role=search] button').click()").await;
    browser
        .until("document.querySelector('main a[href^=\"#/row/nestsync.inventory_items\"]')")
        .await;
    browser
        .js("document.querySelector('main a[href^=\"#/row/nestsync.inventory_items\"]').click()")
        .await;
    browser.until("document.querySelectorAll('.record tbody tr').length > 5").await;
    let controls = browser.controls().await;
    let slider = controls.iter().find(|(role, _)| role == "slider").unwrap();
    assert_eq!(slider.1, "Version in time");
    let lineage = browser
        .js("[...document.querySelectorAll('main > .wide tbody tr')].map((it) => it.innerText)");
    let lineage = lineage.await;
    assert_eq!(lineage.as_array().unwrap().len(), 3, "{lineage}");
    assert!(lineage[1].as_str().unwrap().contains("quantity"), "{lineage}");
    browser.picture("3-row").await;

    browser.go(&at(&world, &format!("story/nestsync.inventory_item/{}", nest.item))).await;
    browser.until("document.querySelectorAll('.record tbody tr').length > 5").await;
    let story =
        browser.js("[...document.querySelectorAll('.line > li')].map((it) => it.innerText)").await;
    assert_eq!(story.as_array().unwrap().len(), 3);
    let used = story[1].as_str().unwrap();
    for told in ["Item used", "Somebody", "log_usage", "quantity", "10.00", "8.00"] {
        assert!(used.contains(told), "{told}: {used}");
    }
    let quantity = "[...document.querySelectorAll('.record tbody tr')].find((it) => it.cells[0].innerText === 'quantity')";
    let held = format!("{quantity}.cells[1].innerText");
    assert!(browser.js(&held).await.as_str().unwrap().contains("5.00"));
    browser.picture("4-story").await;

    // The slider redraws the record, marks what changed, and says where it is.
    for (to, holds, marked) in [("2", "8.00", true), ("1", "10.00", false), ("3", "5.00", true)] {
        browser
            .js(&format!(
                "(() => {{ const it = document.querySelector('input[type=range]'); it.value = '{to}'; \
                 it.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
            ))
            .await;
        browser
            .until(&format!("{held}.replace('changed:', '').trim().startsWith('{holds}')"))
            .await;
        assert_eq!(browser.js(&format!("{quantity}.classList.contains('changed')")).await, marked);
        let words = browser
            .js("document.querySelector('input[type=range]').getAttribute('aria-valuetext')");
        let words = words.await.as_str().unwrap().to_owned();
        assert!(words.starts_with(&format!("Version {to} of 3: ")), "{words}");
        let here = "document.querySelector('.line > li[aria-current]').innerText";
        assert!(browser.js(here).await.as_str().unwrap().contains(&format!("#{to}")));
        if to == "2" {
            assert!(browser.js(&held).await.as_str().unwrap().contains("was 10.00"));
            browser.picture("5-slider").await;
        }
    }
    // A day can be named, too: one before the record was, and one long after.
    let name = |day: &str| {
        format!(
            "(() => {{ const it = document.querySelector('input[type=datetime-local]'); \
             it.value = '{day}T12:00'; it.dispatchEvent(new Event('change')); }})()"
        )
    };
    browser.js(&name("2001-01-01")).await;
    browser
        .until("document.querySelector('.record caption').innerText.includes('no such record yet')")
        .await;
    browser.js(&name("2101-01-01")).await;
    browser.until(&format!("{held}.includes('5.00')")).await;
    let low = browser.js(CONTRAST).await;
    assert_eq!(low, json!([]), "light");
    browser.size(1280, 900, "dark").await;
    assert_eq!(browser.js(CONTRAST).await, json!([]), "dark");
    browser.picture("6-story-dark").await;
    browser.size(400, 800, "light").await;
    browser.fits().await;
    browser.picture("7-story-narrow").await;
    browser.go(&at(&world, "search?context=nestsync")).await;
    browser.fits().await;
    browser.controls().await;
    browser.picture("8-search-narrow").await;

    // What is another's is not there, and whoever signs out sees nothing more.
    browser.go(&at(&world, &format!("story/nestsync.inventory_item/{}", Uuid::now_v7()))).await;
    assert!(browser.text("main").await.contains("nothing here that you may see"));
    browser.js("document.querySelector('#who button').click()").await;
    browser.until("document.querySelector('#token')").await;
    assert!(!browser.text("body").await.contains("Nappies"));
    // The page asks for what is not there once: that is no complaint of its own.
    browser.forgive("404 (Not Found)");
    browser.forgive("401 (Unauthorized)");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_can_be_done_with_the_keyboard_alone() {
    let Some(mut browser) = Browser::open().await else { return };
    let world = world().await;
    lift::account(&world).await;
    let school = lift::organisation(&world, "Oakfield School", 1).await;
    let alert = lift::alert(&world, school.child, "high").await;
    let staff = world.as_person(school.practitioner);
    staff.send("lift.cmd.acknowledge_alert", alert, json!({})).await.ok();
    world.all_shown().await;

    browser.go(&format!("http://{}/", address(&world))).await;
    // The first thing that Tab comes to leads past the bar.
    assert_eq!(browser.js("document.activeElement.tagName").await, "H1");
    browser.tab_to("#token").await;
    browser.write(&token::token(Who::Person(school.contact))).await;
    browser.tab_to("form button").await;
    browser.press("Enter").await;
    browser.until("document.querySelector('form[role=search]')").await;
    browser.settled().await;
    browser.tab_to("#text").await;
    browser.write("alert raised").await;
    browser.press("Enter").await;
    browser.until("document.querySelector('h1').textContent === 'Search'").await;
    browser.settled().await;
    assert_eq!(browser.js("document.activeElement.tagName").await, "H1", "who reads begins there");
    browser.tab_to("main tbody a").await;
    assert!(
        browser.js("document.activeElement.ariaLabel").await.to_string().contains("Alert raised")
    );
    browser.press("Enter").await;
    browser.until("document.querySelectorAll('.record tbody tr').length > 5").await;
    browser.tab_to("input[type=range]").await;
    let focus = browser.js("getComputedStyle(document.activeElement).outlineStyle").await;
    assert_eq!(focus, "solid", "where one is can be seen");
    browser.press("ArrowLeft").await;
    let valued = "document.activeElement.getAttribute('aria-valuetext')";
    browser.until(&format!("{valued}.startsWith('Version 1 of 2: Alert raised')")).await;
    let status = "[...document.querySelectorAll('.record tbody tr')].find((it) => it.cells[0].innerText === 'status').cells[1].innerText";
    browser.until(&format!("{status} === 'unread'")).await;
    // On to what changed the column last, and back to the newest version by a button.
    browser.tab_to(".slide button:enabled").await;
    browser.press("Enter").await;
    browser.until(&format!("{status}.includes('acknowledged')")).await;
    browser.until("document.getElementById('said').textContent.startsWith('Version 2 of 2')").await;
    browser.tab_to("#who button").await;
    browser.press(" ").await;
    browser.until("document.querySelector('#token')").await;
    browser.forgive("401 (Unauthorized)");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_watches_the_log_being_verified_and_replayed() {
    let Some(mut browser) = Browser::open().await else { return };
    let signing = super::work::signing();
    let world = world_with(Some(signing)).await;
    busy::fill(&world).await;
    super::work::all_signed(&world).await;
    sign_in(&mut browser, &world, Who::Operator).await;
    assert_eq!(browser.js("document.querySelectorAll('nav a').length").await, 5);

    browser.go(&at(&world, "status")).await;
    browser.until("document.querySelectorAll('svg.chart').length === 4").await;
    let page = browser.text("main").await;
    for told in ["restorative", "samia", "at work", "No event is parked", "insufficient_funds"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let drawings = browser.controls().await;
    let commands = drawings
        .iter()
        .find(|(role, name)| role.starts_with("im") && name.starts_with("Commands. "));
    assert!(commands.unwrap().1.contains("refused by a rule: 1"), "{commands:?}");
    assert_eq!(browser.js(CONTRAST).await, json!([]), "light");
    browser.picture("9-status").await;
    browser.size(1280, 900, "dark").await;
    browser.until("document.querySelectorAll('svg.chart').length === 4").await;
    assert_eq!(browser.js(CONTRAST).await, json!([]), "dark");
    browser.picture("10-status-dark").await;
    browser.size(400, 800, "light").await;
    browser.fits().await;
    browser.picture("11-status-narrow").await;
    browser.size(1280, 900, "light").await;

    // While somebody else holds the checkpoints, the work is seen to be under way.
    let mut holding = world.pool().begin().await.unwrap();
    sqlx::query("LOCK annals.checkpoints").execute(&mut *holding).await.unwrap();
    browser.go(&at(&world, "verify")).await;
    browser.controls().await;
    browser.tab_to("form button").await;
    browser.press("Enter").await;
    browser.until("!document.querySelector('.bar-row').hidden").await;
    let controls = browser.controls().await;
    assert!(
        controls.contains(&("progressbar".to_owned(), "Verify the log".to_owned())),
        "{controls:?}"
    );
    browser.picture("12-verify").await;
    // Whoever comes back finds it under way still.
    browser.go(&at(&world, "search")).await;
    browser.go(&at(&world, "verify")).await;
    browser.until("!document.querySelector('.bar-row').hidden").await;
    holding.rollback().await.unwrap();
    browser.until("document.querySelector('main .tag.good')").await;
    assert!(browser.text("main").await.contains("The log is what was signed, up to position"));
    browser
        .until("document.getElementById('said').textContent.includes('nothing was altered')")
        .await;
    browser.picture("13-verified").await;

    let mut holding = world.pool().begin().await.unwrap();
    sqlx::query("LOCK lift.alerts").execute(&mut *holding).await.unwrap();
    browser.go(&at(&world, "replay")).await;
    browser.controls().await;
    browser.js("document.getElementById('of').value = 'lift'").await;
    browser.js("document.querySelector('form button').click()").await;
    browser.until("document.querySelector('progress').value > 0").await;
    let told = browser.text("main section").await;
    assert!(told.contains("positions") && told.contains("a second"), "{told}");
    holding.rollback().await.unwrap();
    browser.until("document.querySelector('main .tag.good')").await;
    assert!(browser.text("main").await.contains("0 differences"));
    browser.picture("14-replayed").await;
    let left: Value = world
        .rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'console_replay%'")
        .await
        .into();
    assert_eq!(left, json!([]));
    browser.close().await;
}
