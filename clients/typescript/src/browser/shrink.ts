// A smaller copy of a photo, for the upload alone, or none where the canvas cannot be trusted: some browsers disturb
// what is read from it so that nobody is recognised by it, and iOS hands out blank pictures when memory is short.

const LONG_SIDE = 1024;
const QUALITY = 0.85;

/** Photo and copy are compared in so many pixels a side. */
const THUMBNAIL_SIDE = 16;
const MAX_MEAN_DIFFERENCE = 12;
const MIN_SPREAD = 4;

type AnyCanvas = OffscreenCanvas | HTMLCanvasElement;
type AnyContext = OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D;

/** Returns an upright JPEG of at most 1,024 pixels a side; null where this browser cannot make one that is right. */
export async function shrinkPhoto(photo: Blob): Promise<Blob | null> {
  if (!(await isCanvasTrue())) return null;
  const picture = await createImageBitmap(photo); // turned upright by the browser; fails for what it cannot decode
  try {
    const scale = Math.min(1, LONG_SIDE / Math.max(picture.width, picture.height));
    const [canvas] = draw(picture, Math.ceil(picture.width * scale), Math.ceil(picture.height * scale));
    const copy = await encode(canvas, "image/jpeg");
    return copy?.type === "image/jpeg" && (await looksLike(copy, picture)) ? copy : null;
  } finally {
    picture.close();
  }
}

let canvasIsTrue: Promise<boolean> | undefined;

/** Whether what is painted comes back as it was, through a file and through reading. Tried once a page. */
export function isCanvasTrue(): Promise<boolean> {
  return (canvasIsTrue ??= tryCanvas().catch(() => false));
}

async function tryCanvas(): Promise<boolean> {
  const side = 64;
  const [canvas, context] = newCanvas(side, side);
  for (let place = 0; place < side; place++) {
    const [red, green, blue] = colourOf(place);
    context.fillStyle = `rgb(${red}, ${green}, ${blue})`;
    context.fillRect((place % 8) * 8, Math.floor(place / 8) * 8, 8, 8);
  }
  const file = await encode(canvas, "image/png");
  if (!file) return false;
  const pixels = readPixels(draw(await createImageBitmap(file), side, side)[1], side);
  return pixels.every((value, place) => {
    const pixel = place >> 2;
    const block = ((pixel % side) >> 3) + 8 * Math.floor(pixel / side / 8);
    return value === (colourOf(block)[place & 3] ?? 255);
  });
}

function colourOf(block: number): number[] {
  return [(block * 37) & 255, (block * 91 + 40) & 255, (block * 151 + 90) & 255];
}

/** Whether the copy shows what the photo shows, and that is not one blank colour. */
async function looksLike(copy: Blob, picture: ImageBitmap): Promise<boolean> {
  const decoded = await createImageBitmap(copy);
  const [right, made] = [picture, decoded].map((one) =>
    readPixels(draw(one, THUMBNAIL_SIDE, THUMBNAIL_SIDE)[1], THUMBNAIL_SIDE),
  ) as [Uint8ClampedArray, Uint8ClampedArray];
  decoded.close();
  const differences = right.reduce((sum, value, place) => sum + Math.abs(value - made[place]!), 0);
  const colours = right.filter((_, place) => place % 4 < 3);
  const spread = Math.max(...colours) - Math.min(...colours);
  return spread >= MIN_SPREAD && differences / colours.length <= MAX_MEAN_DIFFERENCE;
}

function draw(picture: ImageBitmap, width: number, height: number): [AnyCanvas, AnyContext] {
  const [canvas, context] = newCanvas(width, height);
  context.fillStyle = "#fff"; // a JPEG has no transparency
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, width, height);
  return [canvas, context];
}

function newCanvas(width: number, height: number): [AnyCanvas, AnyContext] {
  const canvas: AnyCanvas =
    typeof OffscreenCanvas === "undefined"
      ? Object.assign(document.createElement("canvas"), { width, height })
      : new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d") as AnyContext | null;
  if (!context) throw new Error("no canvas");
  return [canvas, context];
}

function readPixels(context: AnyContext, side: number): Uint8ClampedArray {
  return context.getImageData(0, 0, side, side).data;
}

function encode(canvas: AnyCanvas, type: string): Promise<Blob | null> {
  if ("convertToBlob" in canvas) return canvas.convertToBlob({ type, quality: QUALITY });
  return new Promise((resolve) => canvas.toBlob(resolve, type, QUALITY));
}
