// How files come in: dropped, with whole folders, chosen, photographed, pasted.

/** Files, and how many of a folder were left out because they are no photos. */
export interface Taken {
  files: File[];
  leftOut: number;
}

const PHOTO = /\.(jpe?g|png|webp|gif|hei[cf]|avif)$/i;
const MOST_ENTRIES = 20_000; // of folders; beyond it somebody has dropped a disk

/** Gives the page's files to `take`, wherever they come from. `dragging` says whether some are above the page. */
export function addIntake(
  inputs: HTMLInputElement[],
  take: (taken: Taken) => void,
  dragging: (is: boolean) => void,
): void {
  for (const input of inputs) {
    input.addEventListener("change", () => {
      take({ files: [...(input.files ?? [])], leftOut: 0 });
      input.value = ""; // so that the same file can be chosen again
    });
  }
  document.addEventListener("paste", ({ clipboardData }) => {
    const files = [...(clipboardData?.files ?? [])];
    if (files.length > 0) take({ files, leftOut: 0 });
  });
  addDrop(take, dragging);
}

function addDrop(take: (taken: Taken) => void, dragging: (is: boolean) => void): void {
  const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    dragging(true);
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) dragging(false);
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    dragging(false);
    // Entries are gone as soon as this function ends.
    const entries = [...event.dataTransfer!.items]
      .map((item) => item.webkitGetAsEntry())
      .filter((entry) => entry !== null);
    void filesOf(entries).then(take);
  });
}

/** A file that was dropped by itself is taken whatever it is, so that the page says what is wrong with it. */
async function filesOf(entries: FileSystemEntry[]): Promise<Taken> {
  const taken: Taken = { files: [], leftOut: 0 };
  const open = entries.map((entry) => ({ entry, isChosen: true }));
  for (let place = 0; place < Math.min(open.length, MOST_ENTRIES); place++) {
    const { entry, isChosen } = open[place]!;
    if (entry.isDirectory) {
      const inside = await entriesIn(entry as FileSystemDirectoryEntry);
      open.push(...inside.map((one) => ({ entry: one, isChosen: false })));
    } else if (isChosen || (PHOTO.test(entry.name) && !entry.name.startsWith("."))) {
      const file = await fileOf(entry as FileSystemFileEntry);
      if (file) taken.files.push(file);
    } else taken.leftOut++;
  }
  return taken;
}

async function entriesIn(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) return all; // it tells a hundred at a time
    all.push(...some);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File | null> {
  return new Promise((resolve) => entry.file(resolve, () => resolve(null)));
}
