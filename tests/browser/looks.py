"""How a page looks: scripts that run in it and return what is wrong."""

from playwright.sync_api import Page

WIDTHS = (390, 820, 1280)

CONTRASTS = """() => {
  const canvas = document.createElement('canvas'); canvas.width = canvas.height = 1;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  const rgba = text => {
    context.clearRect(0, 0, 1, 1); context.fillStyle = text; context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data; return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3]));
  const light = colour => {
    const linear = c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = colour.slice(0, 3).map(c => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      layers.push(rgba(getComputedStyle(each).backgroundColor));
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest('.sr-only, .skip')) continue;
    const style = getComputedStyle(element);
    const below = ground(element);
    const colour = rgba(element.closest('svg') ? style.fill : style.color);
    const [one, other] = [light(over(colour, below)), light(below)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < (large ? 3 : 4.5)) poor.push([element.textContent.trim().slice(0, 30), ratio.toFixed(2)]);
  }
  return poor;
}"""

SMALL_TARGETS = """() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary')]
  .filter(each => each.checkVisibility() && !each.closest('.sentence, .empty, .skip'))
  .map(each => [each.textContent.trim().slice(0, 20), each.getBoundingClientRect()])
  .filter(([, box]) => box.height < 43.5 && box.width > 0)
  .map(([text, box]) => `${text} ${box.height}`)"""


TOO_WIDE = """() => [...document.querySelectorAll('main *, header *')]
  .filter(each => each.checkVisibility() && !each.closest('.chips, .scroll, .sprite, .sr-only')
    && each.getBoundingClientRect().right > innerWidth + 0.5)
  .map(each => each.outerHTML.slice(0, 80))"""


def require_fit(page: Page, path: str) -> None:
    """Fail if anything of the page is wider than a phone, a tablet or a desk's screen."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate(TOO_WIDE) == [], (path, width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
