/** Static reports of runs and comparisons: one HTML file each, without a server, a network or a script. */
export { comparisonReport } from "./comparison-report.ts"
export { runReport, timelinePicture } from "./run-report.ts"
export type { ReportOptions } from "./run-report.ts"
