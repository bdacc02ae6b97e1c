/**
 * Runs in a browser: the server.
 */
export { startDashboard } from "./server/server.ts"
export type { Dashboard, DashboardOptions } from "./server/server.ts"
