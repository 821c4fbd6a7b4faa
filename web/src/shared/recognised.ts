// How a photo was recognised, by the kinds of `matched_by`, in the words of all pages.

export const RECOGNISED = {
  en: {
    bytes: "Same file",
    content: "Same photo, other metadata",
    question: "Same picture, stored otherwise",
    near: "Same picture, re-encoded",
    model: "Asked the model",
  },
  zh: {
    bytes: "同一文件",
    content: "同一照片，元数据不同",
    question: "同一画面，存储方式不同",
    near: "同一画面，重新压缩",
    model: "已询问模型",
  },
};
