/**
 * Runs in a browser: the server.
 */
export { runId } from "./server/catalogue.ts"
export { startDashboardProcess } from "./server/dashboard-process.ts"
export type { DashboardProcess, ProcessOptions } from "./server/dashboard-process.ts"
export { startDashboard } from "./server/server.ts"
export type { Dashboard, DashboardOptions } from "./server/server.ts"
