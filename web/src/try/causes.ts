// Why a photo has no answer, in one sentence, and whether trying again can help.

import type { ClassifierError } from "../../../clients/typescript/src/browser.js";
import * as format from "../shared/format.js";
import { dictionary } from "../shared/i18n.js";
import { service } from "./about.js";

const NEEDS_KEY: readonly string[] = ["unauthorized", "forbidden"];

/** After these the same file would fail in the same way. */
const FOR_GOOD: readonly string[] = [
  "image_too_large",
  "request_too_large",
  "image_too_many_pixels",
  "invalid_image",
  "unsupported_format",
  "model_refused",
  "missing_signature",
  "invalid_signature",
  "expired_signature",
  "replayed_signature",
];

const sentences = dictionary({
  en: {
    image_too_large: "This file is larger than the service takes, and this browser could not make a smaller copy.",
    image_too_many_pixels: "This picture has more pixels than the service takes.",
    invalid_image: "This file is damaged: it cannot be decoded to its end.",
    unsupported_format: "This file is no photo of a format that the service takes.",
    unreadable_photo: "The browser cannot read this file: it was moved, deleted or locked since it was chosen.",
    hash_mismatch: "The upload arrived damaged.",
    model_refused: "The model refused to look at this photo.",
    model_unavailable: "The model cannot be reached at the moment.",
    model_timeout: "The model took too long.",
    model_bad_answer: "The model gave an answer that names none of the eight categories.",
    money: "The budget for asking models is spent. Known photos are still answered.",
    busy: "The service has too much to do at the moment.",
    key: "The service wants a key.",
    signature: "This service takes signed calls only, and a page has no secret to sign with.",
    network_error: "The connection broke each time this photo was sent.",
    timeout: "There was no answer in time.",
    bad_response: "Something between here and the service answered in its place: a proxy, or a network's login page.",
    other: (code: string, message: string) => `${message} (${code})`,
    limit: (sentence: string, size: string) => `${sentence} The limit is ${size}.`,
    formats: (sentence: string, formats: string) => `${sentence} It takes ${formats}.`,
  },
  zh: {
    image_too_large: "文件超过服务的大小限制，而浏览器无法生成小图。",
    image_too_many_pixels: "图片像素超过服务的限制。",
    invalid_image: "文件已损坏，无法完整解码。",
    unsupported_format: "该文件不是服务支持的照片格式。",
    unreadable_photo: "浏览器无法读取该文件：选择之后它被移动、删除或占用。",
    hash_mismatch: "上传的数据在途中损坏。",
    model_refused: "模型拒绝查看这张照片。",
    model_unavailable: "目前无法连接模型。",
    model_timeout: "模型用时过长。",
    model_bad_answer: "模型的回答不属于八个类别。",
    money: "询问模型的预算已用完。已知的照片仍可回答。",
    busy: "服务目前过于繁忙。",
    key: "服务要求密钥。",
    signature: "本服务只接受签名的调用，而网页没有签名所需的密钥。",
    network_error: "每次发送这张照片时连接都中断。",
    timeout: "未能及时得到回答。",
    bad_response: "途中有其他程序代替服务作答：代理或网络登录页。",
    other: (code: string, message: string) => `${message} (${code})`,
    limit: (sentence: string, size: string) => `${sentence}限制为 ${size}。`,
    formats: (sentence: string, formats: string) => `${sentence}支持 ${formats}。`,
  },
});

type Plain = Exclude<keyof ReturnType<typeof sentences>, "other" | "limit" | "formats">;

/** What different codes say in the same words. */
const SAME: Partial<Record<string, Plain>> = {
  request_too_large: "image_too_large",
  budget_exhausted: "money",
  quota_exceeded: "money",
  overloaded: "busy",
  too_many_requests: "busy",
  service_unavailable: "busy",
  database_unavailable: "busy",
  unauthorized: "key",
  forbidden: "key",
  missing_signature: "signature",
  invalid_signature: "signature",
  expired_signature: "signature",
  replayed_signature: "signature",
};

/** One sentence in the reader's language. */
export function causeOf({ code, message }: Pick<ClassifierError, "code" | "message">): string {
  const all = sentences();
  const about = service();
  const name = SAME[code] ?? (code in all ? (code as Plain) : undefined);
  if (name === undefined || typeof all[name] !== "string") return all.other(code, message);
  if (name === "image_too_large" && about) return all.limit(all[name], format.mebibytes(about.max_image_bytes));
  if (name === "unsupported_format" && about) return all.formats(all[name], formatNames(about.formats));
  return all[name];
}

export function needsKey(error: ClassifierError): boolean {
  return NEEDS_KEY.includes(error.code);
}

export function mayHelpAgain(error: ClassifierError): boolean {
  return !FOR_GOOD.includes(error.code);
}

/** The formats as people call them, the commonest first. */
const FORMATS: Record<string, string> = {
  JPEG: "JPEG",
  PNG: "PNG",
  WEBP: "WebP",
  GIF: "GIF",
  HEIF: "HEIC",
  AVIF: "AVIF",
};

export function formatNames(formats: string[]): string {
  const known = Object.keys(FORMATS).filter((name) => formats.includes(name));
  const others = formats.filter((name) => !(name in FORMATS));
  return [...known.map((name) => FORMATS[name]), ...others].join(", ");
}
