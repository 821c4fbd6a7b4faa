// What all pages say.

import { dictionary } from "./i18n.js";

export const shared = dictionary({
  en: {
    product: "Image classifier",
    skip: "Skip to the content",
    pages: "Pages",
    tryIt: "Try it",
    dashboard: "Dashboard",
    api: "API",
    otherLanguage: "中文",
    health: "State of the service",
    healthy: "Healthy",
    degraded: "Degraded",
    unhealthy: "Not working",
    unreachable: "Not reachable",
  },
  zh: {
    product: "图片分类",
    skip: "跳到正文",
    pages: "页面",
    tryIt: "试一试",
    dashboard: "仪表盘",
    api: "接口",
    otherLanguage: "English",
    health: "服务状态",
    healthy: "正常",
    degraded: "部分可用",
    unhealthy: "无法服务",
    unreachable: "无法连接",
  },
});
