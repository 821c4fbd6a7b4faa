// Small pictures of the photos, made one at a time and only of those that are seen: a decoded photo takes 50 MB.

const SIDE = 128; // twice what is shown, for dense screens

interface Wanted {
  file: Blob;
  canvas: HTMLCanvasElement;
}

const wanted: Wanted[] = [];
const files = new WeakMap<Element, Blob>();
let isDrawing = false;

const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      const file = files.get(target);
      if (!isIntersecting || !file) continue;
      seen.unobserve(target);
      wanted.push({ file, canvas: target as HTMLCanvasElement });
    }
    void drawAll();
  },
  { rootMargin: "200px" },
);

/** Returns a place for the small picture. It stays empty where the browser cannot decode the file. */
export function thumbnail(file: Blob): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  canvas.className = "thumbnail";
  canvas.setAttribute("aria-hidden", "true"); // the line beside it says what it shows
  files.set(canvas, file);
  seen.observe(canvas);
  return canvas;
}

async function drawAll(): Promise<void> {
  if (isDrawing) return;
  isDrawing = true;
  for (let next = wanted.shift(); next; next = wanted.shift()) await draw(next).catch(() => {});
  isDrawing = false;
}

async function draw({ file, canvas }: Wanted): Promise<void> {
  const picture = await createImageBitmap(file); // upright; its arguments for parts mean different things in browsers
  try {
    const scale = SIDE / Math.min(picture.width, picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    canvas.width = canvas.height = SIDE;
    canvas.getContext("2d")?.drawImage(picture, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
  } finally {
    picture.close();
  }
}
