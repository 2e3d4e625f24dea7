// What on a page cannot be read? {wide: what sticks out of the screen, faint: what hardly differs from its ground}
() => {
  const article = document.querySelector("article");
  const shown = (e) => e.getClientRects().length > 0;
  const said = (e) => e.textContent.trim().slice(0, 30);

  // wide: the page itself, and what sticks out of the article without a box of its own to scroll in
  const scrolls = (e) =>
    e !== article && (/auto|scroll/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
  const out = [...article.querySelectorAll("*")].filter(
    (e) => e.getBoundingClientRect().right > innerWidth + 1 && shown(e) && !e.closest("svg") && !scrolls(e)
  );
  const page = document.documentElement.scrollWidth;
  const wide = [...(page > innerWidth ? ["page: " + page] : []), ...out.map((e) => e.tagName + " " + e.className)];

  // faint: texts with a contrast below 3 : 1 (WCAG's formula), and pictures on anything but a light ground
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const ground = (e) => {
    const own = e ? numbers(getComputedStyle(e).backgroundColor) : [255, 255, 255];
    return own.length < 4 || own[3] > 0.9 ? own : ground(e.parentElement);
  };
  const contrast = (e) => {
    const [a, b] = [light(numbers(getComputedStyle(e).color)), light(ground(e))];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const texts = [...article.querySelectorAll("p, td, th, li, pre, pre span, dt, a, code, summary, h1, h2, h3, mjx-container")];
  const faint = texts.filter((e) => shown(e) && (said(e) || e.querySelector("svg")) && contrast(e) < 3);
  const dark = [...article.querySelectorAll("img")].filter((e) => shown(e) && light(ground(e)) < 0.9);
  const names = [...faint.map((e) => `${e.tagName} ${said(e)}`), ...dark.map((e) => "IMG " + e.src)];
  return { wide: wide.slice(0, 5), faint: names.slice(0, 5) };
};
