// What the README's examples use of other packages, as those declare it.

declare module "expo-file-system" {
  export class File {
    constructor(uri: string);
    readonly uri: string;
    readonly name: string;
    readonly type: string;
    readonly size: number;
    bytes(): Promise<Uint8Array<ArrayBuffer>>;
  }
}

declare module "expo-crypto" {
  export enum CryptoDigestAlgorithm {
    SHA256 = "SHA-256",
  }
  export function digest(algorithm: CryptoDigestAlgorithm, data: BufferSource): Promise<ArrayBuffer>;
}

declare module "expo-image-picker" {
  export function launchImageLibraryAsync(): Promise<{ assets: { uri: string }[] | null }>;
}

declare module "react-native-image-picker" {
  interface Asset {
    uri?: string;
    type?: string;
    fileSize?: number;
  }
  export function launchImageLibrary(options: { mediaType: "photo" }): Promise<{ assets?: Asset[] }>;
}

declare module "react-native-quick-crypto" {
  const QuickCrypto: { subtle: { digest(algorithm: "SHA-256", data: BufferSource): Promise<ArrayBuffer> } };
  export default QuickCrypto;
}
