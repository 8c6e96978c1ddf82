/** Written by tools/api-types/generate-api-types.ts from docs/openapi.json: the types of the API. */

export interface paths {
    readonly "/api/v1/login": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Signs in with name and password; the session is in a cookie
         * @description For everybody.
         */
        readonly post: operations["postLogin"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/setup": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Tells whether the server waits for its first administrator
         * @description For everybody.
         */
        readonly get: operations["getSetup"];
        readonly put?: never;
        /**
         * Makes an administrator of who has the one-time link, and signs them in
         * @description The link is printed at the first start, and by `understudy server reset-admin`. A user of that name gets the password and the role.
         *
         *     For everybody.
         */
        readonly post: operations["postSetup"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/logout": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Ends the session that this is asked with; a token is not ended
         * @description For role viewer and above.
         */
        readonly post: operations["postLogout"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/me": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Tells who is asking, and what a page needs for its changes
         * @description For role viewer and above.
         */
        readonly get: operations["getMe"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/me/password": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        /**
         * Changes one's own password, and ends one's other sessions
         * @description For role viewer and above.
         */
        readonly put: operations["putMePassword"];
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/pools/certificate": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Looks at the certificate of an address, to compare its fingerprint before it is accepted; no password is sent
         * @description For role administrator.
         */
        readonly post: operations["postPoolsCertificate"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/pools": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists the registered pools and their state
         * @description For role viewer and above.
         */
        readonly get: operations["getPools"];
        readonly put?: never;
        /**
         * Registers a pool, after logging in to it
         * @description For role administrator.
         */
        readonly post: operations["postPools"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/pools/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows a pool
         * @description For role viewer and above.
         */
        readonly get: operations["getPoolsById"];
        readonly put?: never;
        readonly post?: never;
        /**
         * Forgets a pool; POOL_IN_USE while a job names it
         * @description For role administrator.
         */
        readonly delete: operations["deletePoolsById"];
        readonly options?: never;
        readonly head?: never;
        /**
         * Changes a pool
         * @description A new address or password is tried before it is stored; a new fingerprint is accepted by naming it.
         *
         *     For role administrator.
         */
        readonly patch: operations["patchPoolsById"];
        readonly trace?: never;
    };
    readonly "/api/v1/pools/{id}/test": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Tests the connection: logs in anew, and tells what was found
         * @description For role operator and above.
         */
        readonly post: operations["postPoolsByIdTest"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/pools/{id}/inventory": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows hosts, storage, networks and VMs of a pool, as of its last event
         * @description For role viewer and above.
         */
        readonly get: operations["getPoolsByIdInventory"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/jobs": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists the jobs with their schedules
         * @description For role viewer and above.
         */
        readonly get: operations["getJobs"];
        readonly put?: never;
        /**
         * Creates a job, enabled or not, with or without schedules
         * @description For role administrator.
         */
        readonly post: operations["postJobs"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/jobs/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows a job
         * @description For role viewer and above.
         */
        readonly get: operations["getJobsById"];
        readonly put?: never;
        readonly post?: never;
        /**
         * Deletes a job and ends what runs of it; its replicas stay, and are listed
         * @description For role administrator.
         */
        readonly delete: operations["deleteJobsById"];
        readonly options?: never;
        readonly head?: never;
        /**
         * Changes a job; what is left out stays
         * @description For role administrator.
         */
        readonly patch: operations["patchJobsById"];
        readonly trace?: never;
    };
    readonly "/api/v1/jobs/{id}/enable": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Enables a job: its enabled schedules fire from now on
         * @description For role administrator.
         */
        readonly post: operations["postJobsByIdEnable"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/jobs/{id}/disable": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Disables a job: what runs goes on, nothing new begins by itself
         * @description For role administrator.
         */
        readonly post: operations["postJobsByIdDisable"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/jobs/{id}/schedules": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Adds a schedule to a job
         * @description For role administrator.
         */
        readonly post: operations["postJobsByIdSchedules"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/jobs/{id}/schedules/{schedule}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        readonly post?: never;
        /**
         * Deletes a schedule; its restore points stay
         * @description For role administrator.
         */
        readonly delete: operations["deleteJobsByIdSchedulesBySchedule"];
        readonly options?: never;
        readonly head?: never;
        /**
         * Changes a schedule; what is left out stays
         * @description For role administrator.
         */
        readonly patch: operations["patchJobsByIdSchedulesBySchedule"];
        readonly trace?: never;
    };
    readonly "/api/v1/jobs/preview": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Shows which VMs a selection chooses at this moment, and which it leaves out and why
         * @description For role viewer and above.
         */
        readonly post: operations["postJobsPreview"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/jobs/next-ticks": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Shows the next times of a timing
         * @description For role viewer and above.
         */
        readonly post: operations["postJobsNextTicks"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/jobs/upcoming": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows when each enabled schedule fires next
         * @description For role viewer and above.
         */
        readonly get: operations["getJobsUpcoming"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/jobs/export": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Exports jobs as a document that another server can import
         * @description For role viewer and above.
         */
        readonly get: operations["getJobsExport"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/jobs/import": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Imports jobs; `replace` overwrites those of the same id
         * @description For role administrator.
         */
        readonly post: operations["postJobsImport"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/runs": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists runs, newest first
         * @description For role viewer and above.
         */
        readonly get: operations["getRuns"];
        readonly put?: never;
        /**
         * Starts a run: of a whole job, of one of its schedules, of some of its VMs, or dry
         * @description For role operator and above.
         */
        readonly post: operations["postRuns"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/runs/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows a run with its VM runs
         * @description For role viewer and above.
         */
        readonly get: operations["getRunsById"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/runs/{id}/cancel": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Cancels a run; it ends soon after, and the last restore points stay
         * @description For role operator and above.
         */
        readonly post: operations["postRunsByIdCancel"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/vm-runs": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists VM runs, newest first
         * @description For role viewer and above.
         */
        readonly get: operations["getVmRuns"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/vm-runs/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows a VM run with its plan, report and log
         * @description For role viewer and above.
         */
        readonly get: operations["getVmRunsById"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/figures": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows how much runs moved, hour by hour over 30 days, and how much went to each target in the last week
         * @description For role viewer and above.
         */
        readonly get: operations["getFigures"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/vm-runs/{id}/cancel": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Cancels one VM of a run; the others go on
         * @description For role operator and above.
         */
        readonly post: operations["postVmRunsByIdCancel"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/protections": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists how well each VM is protected: asked and achieved RPO, one entry a VM, job and target
         * @description For role viewer and above.
         */
        readonly get: operations["getProtections"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/protections/counts": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Counts the VMs by their state of protection
         * @description For role viewer and above.
         */
        readonly get: operations["getProtectionsCounts"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/restore-points": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists the restore points of a VM on a target, read from the pool at this moment
         * @description For role viewer and above.
         */
        readonly get: operations["getRestorePoints"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/verifications": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Starts reading a restore point back; how it ended is told by an event of kind verified, and in the restore point
         * @description For role operator and above.
         */
        readonly post: operations["postVerifications"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/failover/status": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows what has failed over, tests that are there, and what stopped in the middle, read from the pools at this moment
         * @description With `vm` or `job`: their chains, also those with nothing to tell.
         *
         *     For role viewer and above.
         */
        readonly get: operations["getFailoverStatus"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/failover/preview": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Tells what a clone, test, failover, failback or clean-up would do, lose and cost; changes nothing
         * @description For role operator and above.
         */
        readonly post: operations["postFailoverPreview"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/failover": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Starts a clone, test, failover, failback or clean-up, as an activity
         * @description Failovers (planned or not), undoing, turning round and failback take the name of the VM in `confirm`, as the preview says it. A program on the manager as a check (`script:/PATH`) is for administrators.
         *
         *     For role operator and above.
         */
        readonly post: operations["postFailover"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/plans": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists the recovery plans
         * @description For role viewer and above.
         */
        readonly get: operations["getPlans"];
        readonly put?: never;
        /**
         * Creates a recovery plan
         * @description For role administrator.
         */
        readonly post: operations["postPlans"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/plans/check": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Tells whether a plan could be run as the pools are now, and what each VM would lose; changes nothing
         * @description For role viewer and above.
         */
        readonly post: operations["postPlansCheck"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/plans/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows a recovery plan
         * @description For role viewer and above.
         */
        readonly get: operations["getPlansById"];
        readonly put?: never;
        readonly post?: never;
        /**
         * Deletes a recovery plan; reports of its runs stay
         * @description For role administrator.
         */
        readonly delete: operations["deletePlansById"];
        readonly options?: never;
        readonly head?: never;
        /**
         * Changes a recovery plan; what is left out stays
         * @description For role administrator.
         */
        readonly patch: operations["patchPlansById"];
        readonly trace?: never;
    };
    readonly "/api/v1/plans/{id}/preview": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Tells what running a plan would do, lose and cost; changes nothing
         * @description For role operator and above.
         */
        readonly post: operations["postPlansByIdPreview"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/plans/{id}/runs": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists the runs of a plan, newest first
         * @description For role viewer and above.
         */
        readonly get: operations["getPlansByIdRuns"];
        readonly put?: never;
        /**
         * Runs a plan as a test, planned or unplanned, as an activity
         * @description Planned and unplanned runs take the name of the plan in `confirm`.
         *
         *     For role operator and above.
         */
        readonly post: operations["postPlansByIdRuns"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/seeds/snapshots": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists the snapshots of a VM and whether a seed can be made of each, read from the pool at this moment
         * @description For role viewer and above.
         */
        readonly get: operations["getSeedsSnapshots"];
        readonly put?: never;
        /**
         * Takes a snapshot for a seed, with change tracking turned on, as an activity
         * @description For role operator and above.
         */
        readonly post: operations["postSeedsSnapshots"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/seeds/folders": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists what is in the server's folder for seeds
         * @description For role viewer and above.
         */
        readonly get: operations["getSeedsFolders"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/seeds/folders/{name}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        readonly post?: never;
        /**
         * Deletes a seed from the server's folder
         * @description For role operator and above.
         */
        readonly delete: operations["deleteSeedsFoldersByName"];
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/seeds/exports": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Exports a seed to the server's folder for seeds, as an activity; one that was broken off is gone on with
         * @description For role operator and above.
         */
        readonly post: operations["postSeedsExports"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/seeds/imports": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Makes a job's replica of a seed in the server's folder and links it, as an activity; its next run sends a delta
         * @description For role operator and above.
         */
        readonly post: operations["postSeedsImports"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/seeds/check": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Tells whether a copy made by hand could be linked, before contents are compared; changes nothing
         * @description For role operator and above.
         */
        readonly post: operations["postSeedsCheck"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/seeds/links": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Compares and links a copy made by hand, as cr-seed does, as an activity; the next run of the job sends a delta
         * @description For role operator and above.
         */
        readonly post: operations["postSeedsLinks"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/seeds/state": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Tells how a seed stands that was linked, and what to do, read from the pools at this moment
         * @description For role viewer and above.
         */
        readonly get: operations["getSeedsState"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/activities": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists long operations that are no runs, newest first: tests, failovers, plans, seeds, reading back
         * @description For role viewer and above.
         */
        readonly get: operations["getActivities"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/activities/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows an activity with its timeline and report
         * @description For role viewer and above.
         */
        readonly get: operations["getActivitiesById"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/activities/{id}/report.md": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Gives the report of an activity as a document to keep, in Markdown
         * @description For role viewer and above.
         */
        readonly get: operations["getActivitiesByIdReport.md"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/activities/{id}/cancel": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Cancels an activity; it ends soon after, and takes back what has to be
         * @description For role operator and above.
         */
        readonly post: operations["postActivitiesByIdCancel"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/activities/{id}/continue": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Goes on with an activity that was interrupted, from what the pools say; gives the new one
         * @description For role operator and above.
         */
        readonly post: operations["postActivitiesByIdContinue"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/channels": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists the channels that notifications go out by
         * @description For role viewer and above.
         */
        readonly get: operations["getChannels"];
        readonly put?: never;
        /**
         * Adds a channel: e-mail or webhook
         * @description For role administrator.
         */
        readonly post: operations["postChannels"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/channels/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        readonly post?: never;
        /**
         * Removes a channel
         * @description For role administrator.
         */
        readonly delete: operations["deleteChannelsById"];
        readonly options?: never;
        readonly head?: never;
        /**
         * Changes a channel; what is left out stays
         * @description For role administrator.
         */
        readonly patch: operations["patchChannelsById"];
        readonly trace?: never;
    };
    readonly "/api/v1/channels/{id}/test": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Sends a test message at once, and tells what the other side said
         * @description For role administrator.
         */
        readonly post: operations["postChannelsByIdTest"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/alerts": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists alerts, newest first
         * @description For role viewer and above.
         */
        readonly get: operations["getAlerts"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/events": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Streams what happens, as server-sent events
         * @description Each event has the name of its kind and a JSON document. The first one is `hello`, or `reset` when what came after Last-Event-ID is not known any more: then fetch anew what you show. The stream ends when the session or token does.
         *
         *     For role viewer and above.
         */
        readonly get: operations["getEvents"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/server": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows the version of the server and how it is
         * @description For role viewer and above.
         */
        readonly get: operations["getServer"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/server/licences": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists the packages that the server is made of, with their licences
         * @description For role viewer and above.
         */
        readonly get: operations["getServerLicences"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/settings": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows the settings of the server
         * @description For role viewer and above.
         */
        readonly get: operations["getSettings"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        /**
         * Changes settings of the server; what is left out stays
         * @description For role administrator.
         */
        readonly patch: operations["patchSettings"];
        readonly trace?: never;
    };
    readonly "/api/v1/audit": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists who did what, newest first
         * @description For role administrator.
         */
        readonly get: operations["getAudit"];
        readonly put?: never;
        readonly post?: never;
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/lab": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows the lab of the server: simulated pools to try it with
         * @description For role viewer and above.
         */
        readonly get: operations["getLab"];
        readonly put?: never;
        /**
         * Starts the lab: two simulated pools on the machine of the server, registered, and a job that protects their VMs
         * @description For role administrator.
         */
        readonly post: operations["postLab"];
        /**
         * Removes the lab: its jobs, its pools, and what it stored
         * @description For role administrator.
         */
        readonly delete: operations["deleteLab"];
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/lab/guest-writes": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        /**
         * Lets the guests of the lab's VMs write, so that the next run has something to send
         * @description For role operator and above.
         */
        readonly post: operations["postLabGuestWrites"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/users": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists the users
         * @description For role administrator.
         */
        readonly get: operations["getUsers"];
        readonly put?: never;
        /**
         * Adds a user
         * @description For role administrator.
         */
        readonly post: operations["postUsers"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/users/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Shows a user
         * @description For role administrator.
         */
        readonly get: operations["getUsersById"];
        readonly put?: never;
        readonly post?: never;
        /**
         * Removes a user with their sessions and tokens
         * @description For role administrator.
         */
        readonly delete: operations["deleteUsersById"];
        readonly options?: never;
        readonly head?: never;
        /**
         * Changes role or password of a user, or disables them
         * @description A new password and disabling end the sessions of the user; what their tokens may do follows the role at once.
         *
         *     For role administrator.
         */
        readonly patch: operations["patchUsersById"];
        readonly trace?: never;
    };
    readonly "/api/v1/tokens": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /**
         * Lists one's own API tokens; for administrators all of them
         * @description For role viewer and above.
         */
        readonly get: operations["getTokens"];
        readonly put?: never;
        /**
         * Makes an API token for oneself; its secret is shown this once
         * @description It may do no more, and live no longer, than what it is made with.
         *
         *     For role viewer and above.
         */
        readonly post: operations["postTokens"];
        readonly delete?: never;
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
    readonly "/api/v1/tokens/{id}": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly get?: never;
        readonly put?: never;
        readonly post?: never;
        /**
         * Revokes one of one's own tokens; administrators any
         * @description For role viewer and above.
         */
        readonly delete: operations["deleteTokensById"];
        readonly options?: never;
        readonly head?: never;
        readonly patch?: never;
        readonly trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        readonly Activity: {
            readonly id: string;
            /** @enum {unknown} */
            readonly kind: "verify" | "clone" | "test-failover" | "clean-up" | "fence" | "failover" | "planned-failover" | "undo-failover" | "reprotect" | "failback" | "plan" | "seed-snapshot" | "seed-export" | "seed-import" | "seed-link";
            /** @enum {unknown} */
            readonly state: "queued" | "running" | "done" | "failed" | "cancelled" | "interrupted";
            readonly subject: components["schemas"]["ActivitySubject"];
            readonly by: {
                /** @enum {unknown} */
                readonly kind: "user" | "token" | "system";
                readonly id: string;
                readonly name: string;
            };
            readonly cause: components["schemas"]["ActivityCause"];
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly queuedAt: string;
            readonly startedAt: string | null;
            readonly endedAt: string | null;
            readonly waitingFor: string | null;
            readonly stage: {
                readonly name: string;
                readonly text: string;
            } | null;
            readonly progress: components["schemas"]["ActivityProgress"] | null;
            readonly planRun: components["schemas"]["PlanRunProgress"] | null;
            readonly result: components["schemas"]["ActivityResult"] | null;
            readonly error: components["schemas"]["RunFailure"] | null;
            readonly canContinue: boolean;
        };
        readonly ActivityCause: {
            /** @enum {string} */
            readonly kind: "hand";
        } | {
            /** @enum {string} */
            readonly kind: "health-check";
            readonly run: string;
        } | {
            /** @enum {string} */
            readonly kind: "continued";
            readonly activity: string;
        };
        readonly ActivityDetail: {
            readonly id: string;
            /** @enum {unknown} */
            readonly kind: "verify" | "clone" | "test-failover" | "clean-up" | "fence" | "failover" | "planned-failover" | "undo-failover" | "reprotect" | "failback" | "plan" | "seed-snapshot" | "seed-export" | "seed-import" | "seed-link";
            /** @enum {unknown} */
            readonly state: "queued" | "running" | "done" | "failed" | "cancelled" | "interrupted";
            readonly subject: components["schemas"]["ActivitySubject"];
            readonly by: {
                /** @enum {unknown} */
                readonly kind: "user" | "token" | "system";
                readonly id: string;
                readonly name: string;
            };
            readonly cause: components["schemas"]["ActivityCause"];
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly queuedAt: string;
            readonly startedAt: string | null;
            readonly endedAt: string | null;
            readonly waitingFor: string | null;
            readonly stage: {
                readonly name: string;
                readonly text: string;
            } | null;
            readonly progress: components["schemas"]["ActivityProgress"] | null;
            readonly planRun: components["schemas"]["PlanRunProgress"] | null;
            readonly result: components["schemas"]["ActivityResult"] | null;
            readonly error: components["schemas"]["RunFailure"] | null;
            readonly canContinue: boolean;
            readonly timeline: readonly components["schemas"]["TimelineLine"][];
            readonly report: {
                readonly [key: string]: unknown;
            } | null;
        };
        readonly ActivityEvent: {
            /** @enum {string} */
            readonly kind: "activity";
            readonly activity: components["schemas"]["Activity"];
        };
        readonly ActivityPage: {
            readonly items: readonly components["schemas"]["Activity"][];
            readonly next: string | null;
        };
        readonly ActivityProgress: {
            readonly what: string;
            readonly bytesDone: number;
            readonly bytesExpected: number | null;
            readonly bytesPerSecond: number | null;
            readonly secondsLeft: number | null;
        };
        readonly ActivityResult: components["schemas"]["VerifyResult"] | components["schemas"]["CloneResult"] | components["schemas"]["TestResult"] | components["schemas"]["CleanUpResult"] | components["schemas"]["FenceResult"] | components["schemas"]["FailoverResult"] | components["schemas"]["PlannedFailoverResult"] | components["schemas"]["UndoResult"] | components["schemas"]["ReprotectResult"] | components["schemas"]["FailbackResult"] | components["schemas"]["PlanRunResult"] | components["schemas"]["SeedSnapshotResult"] | components["schemas"]["SeedExportResult"] | components["schemas"]["SeedImportResult"] | components["schemas"]["SeedLinkResult"];
        readonly ActivitySubject: {
            readonly job: string | null;
            readonly jobName: string | null;
            readonly sourcePool: string | null;
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            } | null;
            readonly target: components["schemas"]["Target"] | null;
            readonly plan: {
                readonly id: string;
                readonly name: string;
            } | null;
            readonly seed: string | null;
        };
        readonly Actor: {
            /** @enum {unknown} */
            readonly kind: "user" | "token" | "system";
            readonly id: string;
            readonly name: string;
        };
        readonly Alert: {
            readonly id: string;
            /** @enum {unknown} */
            readonly kind: "run-failed" | "rpo-missed" | "pool-away" | "pool-refused" | "target-space" | "health-check-failed" | "original-not-fenced";
            readonly subject: string;
            readonly text: string;
            readonly hint: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly openedAt: string;
            readonly closedAt: string | null;
            readonly job: string | null;
            readonly vm: string | null;
            readonly pool: string | null;
        };
        readonly AlertEvent: {
            /** @enum {string} */
            readonly kind: "alert";
            readonly alert: components["schemas"]["Alert"];
        };
        readonly AlertPage: {
            readonly items: readonly components["schemas"]["Alert"][];
            readonly next: string | null;
        };
        readonly ApiToken: {
            readonly id: string;
            readonly user: string;
            readonly userName: string;
            readonly name: string;
            /** @enum {unknown} */
            readonly role: "viewer" | "operator" | "administrator";
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly createdAt: string;
            readonly expiresAt: string | null;
            readonly lastUsedAt: string | null;
        };
        readonly AuditEntry: {
            readonly id: number;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly at: string;
            readonly actor: components["schemas"]["Actor"];
            readonly address: string;
            readonly action: string;
            readonly object: {
                readonly kind: string;
                readonly id: string;
            };
            /** @description `done`, or the code of the failure */
            readonly outcome: string;
            readonly details: {
                readonly [key: string]: unknown;
            };
        };
        readonly AuditPage: {
            readonly items: readonly components["schemas"]["AuditEntry"][];
            readonly next: string | null;
        };
        readonly ByHand: {
            /** @enum {string} */
            readonly kind: "hand";
            readonly by: string;
        };
        readonly ByMissedTick: {
            /** @enum {string} */
            readonly kind: "caught-up";
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly tick: string;
            readonly missed: number;
        };
        readonly ByScheduleTick: {
            /** @enum {string} */
            readonly kind: "schedule";
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly tick: string;
        };
        readonly Certificate: {
            readonly fingerprint: string;
            readonly subject: string;
            readonly issuer: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly validFrom: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly validTo: string;
        };
        readonly Channel: components["schemas"]["EmailChannel"] | components["schemas"]["WebhookChannel"];
        readonly ChannelChange: components["schemas"]["EmailChannelChange"] | components["schemas"]["WebhookChannelChange"];
        readonly ChannelPage: {
            readonly items: readonly components["schemas"]["Channel"][];
            readonly next: string | null;
        };
        readonly ChannelTest: {
            readonly ok: boolean;
            readonly text: string;
        };
        readonly CleanUpResult: {
            /** @enum {string} */
            readonly kind: "clean-up";
            readonly vms: readonly string[];
            readonly networks: readonly string[];
        };
        readonly CloneResult: {
            /** @enum {string} */
            readonly kind: "clone";
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            };
            readonly point: {
                readonly uuid: string;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                readonly takenAt: string;
            };
            /** @description seconds */
            readonly seconds: number;
        };
        readonly Credentials: {
            readonly name: string;
            readonly password: string;
        };
        readonly Cron: {
            /** @enum {string} */
            readonly kind: "cron";
            readonly expression: string;
            readonly timeZone: string;
        };
        readonly DeletedJob: {
            readonly replicasLeft: readonly components["schemas"]["Protection"][];
        };
        readonly DiskProgress: {
            readonly userdevice: string;
            readonly name: string;
            /** @enum {unknown} */
            readonly what: "transfer" | "verify";
            readonly bytesDone: number;
            readonly bytesExpected: number | null;
            readonly bytesPerSecond: number | null;
            readonly secondsLeft: number | null;
        };
        readonly EmailChannel: {
            /** @enum {string} */
            readonly kind: "email";
            readonly name: string;
            readonly enabled: boolean;
            readonly host: string;
            readonly port: number;
            /** @enum {unknown} */
            readonly tls: "implicit" | "starttls" | "none";
            readonly user?: string;
            readonly from: string;
            readonly to: readonly string[];
            readonly id: string;
            readonly hasSecret: boolean;
            readonly lastError: string | null;
            readonly lastSentAt: string | null;
        };
        readonly EmailChannelChange: {
            /** @enum {string} */
            readonly kind?: "email";
            readonly name?: string;
            readonly enabled?: boolean;
            readonly host?: string;
            readonly port?: number;
            /** @enum {unknown} */
            readonly tls?: "implicit" | "starttls" | "none";
            readonly user?: string;
            readonly from?: string;
            readonly to?: readonly string[];
            /** @description password of the mail server, or key of the webhook's signature; never given back */
            readonly secret?: string;
        };
        readonly EveryDay: {
            /** @enum {string} */
            readonly kind: "day";
        };
        readonly EverySoManyRuns: {
            /** @enum {string} */
            readonly kind: "runs";
            readonly count: number;
        };
        readonly Evidence: {
            readonly check: string;
            readonly ok: boolean;
            readonly seconds: number;
            readonly text: string;
        };
        /** @description of a VM, of which a snapshot is taken, or of a snapshot: one of both */
        readonly ExportSeed: {
            readonly pool: string;
            /** Format: uuid */
            readonly vm?: string;
            /** Format: uuid */
            readonly snapshot?: string;
            /** @description letters, digits, dots, dashes and underscores, of which the first is a letter or digit */
            readonly folder: string;
        };
        readonly ExportedJob: {
            readonly name: string;
            readonly enabled: boolean;
            readonly selection: components["schemas"]["Selection"];
            readonly targets: readonly components["schemas"]["Target"][];
            readonly settings: components["schemas"]["JobSettings"];
            /** Format: uuid */
            readonly id: string;
            readonly schedules: readonly components["schemas"]["Schedule"][];
        };
        readonly FailbackResult: {
            /** @enum {string} */
            readonly kind: "failback";
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            };
            /** @description seconds */
            readonly downSeconds: number;
            readonly changedBytes: number;
            readonly bytesSent: number;
            readonly protectedAgain: boolean;
            readonly unprotected: string | null;
            readonly warnings: readonly components["schemas"]["Reason"][];
        };
        readonly FailedOverVm: {
            readonly uuid: string;
            readonly name: string;
            readonly powerState: string;
            /** @enum {unknown} */
            readonly kind: "planned" | "unplanned";
            readonly clone: boolean;
            /** @enum {unknown} */
            readonly state: "preparing" | "active" | "turned";
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly at: string;
            readonly restorePoint: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly takenAt: string;
        };
        readonly FailoverPreview: {
            /** @enum {unknown} */
            readonly kind: "clone" | "test-failover" | "clean-up" | "fence" | "failover" | "planned-failover" | "undo-failover" | "reprotect" | "failback";
            readonly title: string;
            readonly point: {
                readonly uuid: string;
                readonly name: string;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                readonly takenAt: string;
            } | null;
            readonly lossSeconds: number | null;
            readonly continues: boolean;
            readonly happens: readonly components["schemas"]["Reason"][];
            readonly lost: readonly components["schemas"]["Reason"][];
            readonly costs: readonly components["schemas"]["Reason"][];
            readonly warnings: readonly components["schemas"]["Reason"][];
            readonly interfaces: readonly components["schemas"]["PreviewInterface"][];
            readonly confirm: string | null;
            readonly agreed: string;
        };
        readonly FailoverResult: {
            /** @enum {string} */
            readonly kind: "failover";
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            };
            readonly point: {
                readonly uuid: string;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                readonly takenAt: string;
            };
            readonly clone: boolean;
            readonly ready: boolean | null;
            /** @description seconds */
            readonly rtoSeconds: number;
            /** @description seconds */
            readonly lossSeconds: number;
            readonly lost: readonly components["schemas"]["Reason"][];
            readonly evidence: readonly components["schemas"]["Evidence"][];
            readonly addresses: readonly string[];
            readonly warnings: readonly components["schemas"]["Reason"][];
        };
        readonly FailoverStatus: {
            readonly job: string;
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            };
            readonly sourcePool: string | null;
            readonly target: components["schemas"]["Target"];
            readonly replica: {
                readonly uuid: string;
                readonly name: string;
                readonly powerState: string;
            } | null;
            readonly startedByOtherMeans: boolean;
            readonly failedOver: readonly components["schemas"]["FailedOverVm"][];
            readonly tests: readonly components["schemas"]["TestCopy"][];
            readonly source: {
                readonly powerState: string;
                readonly handedOver: ("shutting-down" | "handed-over") | null;
                readonly startBlocked: boolean;
            } | null;
            readonly unfinished: {
                readonly text: string;
                /** @enum {unknown} */
                readonly goOn: "failover" | "planned-failover";
                /** @enum {string} */
                readonly undo: "undo-failover";
            } | null;
            readonly possible: readonly ("clone" | "test-failover" | "clean-up" | "fence" | "failover" | "planned-failover" | "undo-failover" | "reprotect" | "failback")[];
            readonly underWay: string | null;
        };
        readonly FailoverStatusPage: {
            readonly items: readonly components["schemas"]["FailoverStatus"][];
            readonly next: string | null;
        };
        readonly FenceResult: {
            /** @enum {string} */
            readonly kind: "fence";
            readonly blocked: readonly string[];
            readonly wereBlocked: readonly string[];
            readonly running: readonly string[];
        };
        readonly GuestWrites: {
            readonly bytes: number;
        };
        /** @description test failovers of the newest restore point, begun by themselves after runs; null: none */
        readonly HealthCheck: {
            readonly every: components["schemas"]["EverySoManyRuns"] | components["schemas"]["EveryDay"];
            /** @description when it counts as up: tools, address, tcp:PORT, tcp:HOST:PORT, running, script:/PATH (administrators only), in this order */
            readonly ready: readonly string[];
            readonly readyTimeoutSeconds: number;
        };
        /** @description the last test failover that was begun by itself */
        readonly HealthCheckState: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly at: string;
            readonly ok: boolean;
            readonly rtoSeconds: number | null;
            readonly activity: string;
            readonly restorePoint: string | null;
            readonly text: string;
        };
        /** @description an hour of UTC; bytes of a run count in the hours that it took, the run in that of its end */
        readonly HourFigures: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly from: string;
            readonly changedBytes: number;
            readonly bytesSent: number;
            readonly runs: number;
            /** @description of `runs`, those that failed, also in part */
            readonly failed: number;
        };
        readonly ImportSeed: {
            /** @description letters, digits, dots, dashes and underscores, of which the first is a letter or digit */
            readonly folder: string;
            /** Format: uuid */
            readonly job: string;
            /** Format: uuid */
            readonly schedule?: string;
            readonly target: components["schemas"]["Target"];
            /** @enum {unknown} */
            readonly verify?: "changed" | "sample" | "off";
        };
        readonly Interval: {
            /** @enum {string} */
            readonly kind: "interval";
            readonly minutes: number;
        };
        readonly InventoryDisk: {
            readonly uuid: string;
            readonly name: string;
            readonly userdevice: string;
            readonly size: number;
            readonly sr: string;
        };
        readonly InventoryEvent: {
            /** @enum {string} */
            readonly kind: "inventory";
            readonly pool: string;
        };
        readonly InventoryFailover: {
            readonly job: string;
            readonly vm: string;
            readonly sr: string;
            readonly clone: boolean;
            /** @enum {unknown} */
            readonly state: "preparing" | "active" | "turned";
        };
        readonly InventoryHost: {
            readonly uuid: string;
            readonly name: string;
            readonly address: string;
            readonly live: boolean;
            readonly isMaster: boolean;
        };
        readonly InventoryNetwork: {
            readonly uuid: string;
            readonly name: string;
            readonly vlan: number | null;
            readonly purposes: readonly string[];
        };
        readonly InventorySr: {
            readonly uuid: string;
            readonly name: string;
            readonly type: string;
            readonly shared: boolean;
            readonly usable: boolean;
            readonly size: number;
            readonly used: number;
        };
        readonly InventoryVm: {
            readonly uuid: string;
            readonly name: string;
            readonly description: string;
            readonly powerState: string;
            readonly tags: readonly string[];
            readonly disks: readonly components["schemas"]["InventoryDisk"][];
            readonly networks: readonly string[];
            /** @description what its disks take on their storage, as its last scan found it */
            readonly bytesAllocated: number;
            readonly replicaOf: {
                readonly job: string;
                readonly vm: string;
            } | null;
            /** @description of a replica: uuids of its restore points */
            readonly restorePoints: readonly string[];
            readonly startBlocked: boolean;
            readonly failedOver: components["schemas"]["InventoryFailover"] | null;
        };
        readonly Job: {
            readonly name: string;
            readonly enabled: boolean;
            readonly selection: components["schemas"]["Selection"];
            readonly targets: readonly components["schemas"]["Target"][];
            readonly settings: components["schemas"]["JobSettings"];
            /** Format: uuid */
            readonly id: string;
            readonly schedules: readonly components["schemas"]["Schedule"][];
            readonly turned: readonly components["schemas"]["TurnedVm"][];
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly createdAt: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly updatedAt: string;
            readonly version: number;
        };
        readonly JobChange: {
            readonly name?: string;
            readonly enabled?: boolean;
            readonly selection?: components["schemas"]["Selection"];
            readonly targets?: readonly components["schemas"]["Target"][];
            readonly settings?: components["schemas"]["JobSettings"];
            readonly version?: number;
        };
        readonly JobEvent: {
            /** @enum {string} */
            readonly kind: "job";
            readonly job: components["schemas"]["Job"];
        };
        readonly JobPage: {
            readonly items: readonly components["schemas"]["Job"][];
            readonly next: string | null;
        };
        readonly JobRemovedEvent: {
            /** @enum {string} */
            readonly kind: "job-removed";
            readonly id: string;
        };
        /** @description what is left out is at its default */
        readonly JobSettings: {
            /** @enum {unknown} */
            readonly verify?: "off" | "sample" | "changed" | "full";
            /** @enum {unknown} */
            readonly onBrokenChain?: "full" | "refuse" | "repair";
            /** @description as `understudy replicate --limit` takes them */
            readonly limits?: readonly string[];
            /** @description uuid of a network of the source → of the target; null: left disconnected */
            readonly networks?: {
                readonly [key: string]: string | null;
            };
            /** @description uuids of disks that are left out */
            readonly excludeDisks?: readonly string[];
            readonly allowInsecureNbd?: boolean;
            /** @description carries the memory of VMs as well, by a checkpoint */
            readonly memory?: boolean;
            readonly vmsAtOnce?: number;
            readonly disksAtOnce?: number;
            readonly retries?: number;
            readonly timeoutMinutes?: number;
            readonly waitMinutes?: number;
            readonly rpoMinutes?: number | null;
            readonly notify?: boolean;
            readonly healthCheck?: components["schemas"]["HealthCheck"] | null;
        };
        readonly JobsDocument: {
            /** @enum {string} */
            readonly format: "understudy-jobs";
            /** @enum {number} */
            readonly version: 1;
            readonly jobs: readonly components["schemas"]["ExportedJob"][];
            readonly pools: readonly {
                readonly id: string;
                readonly name: string;
                readonly url: string;
                readonly poolUuid: string;
            }[];
        };
        /** @description simulated pools of the server, to try it with */
        readonly LabStatus: {
            /** @description whether this server can have one */
            readonly offered: boolean;
            /** @enum {unknown} */
            readonly state: "none" | "starting" | "running" | "failed" | "removing";
            readonly step: string | null;
            readonly pools: readonly string[];
            readonly job: string | null;
            readonly error: components["schemas"]["RunFailure"] | null;
        };
        readonly LeftOutVm: {
            readonly pool: string;
            readonly vm: string;
            readonly name: string;
            readonly bytesAllocated: number | null;
            /** @description the selector that chose it */
            readonly by: string;
            readonly reason: components["schemas"]["Reason"];
        };
        readonly Licence: {
            readonly name: string;
            readonly version: string;
            readonly licence: string;
        };
        readonly LicencePage: {
            readonly items: readonly components["schemas"]["Licence"][];
            readonly next: string | null;
        };
        readonly LinkSeed: {
            readonly pool: string;
            /** Format: uuid */
            readonly snapshot: string;
            /** Format: uuid */
            readonly job: string;
            /** Format: uuid */
            readonly schedule?: string;
            readonly targetPool: string;
            /** Format: uuid */
            readonly copy: string;
            /** @enum {unknown} */
            readonly check?: "sample" | "full" | "off";
        };
        readonly LogLine: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly at: string;
            /** @enum {unknown} */
            readonly level: "info" | "warning" | "error";
            readonly text: string;
        };
        readonly MaintenanceWindow: {
            readonly id: string;
            readonly name: string;
            readonly job: string | null;
            readonly pool: string | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly from: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly until: string;
        };
        readonly Me: {
            readonly user: components["schemas"]["User"];
            /** @enum {unknown} */
            readonly role: "viewer" | "operator" | "administrator";
            /** @enum {unknown} */
            readonly by: "session" | "token";
            readonly expiresAt: string | null;
            readonly csrf: string | null;
        };
        /** @description `mapping` goes before the choice */
        readonly NetworkWish: {
            /**
             * @description one: all on `network`
             * @enum {unknown}
             */
            readonly choice: "isolated" | "replica" | "none" | "one";
            /** Format: uuid */
            readonly network?: string;
            /** @description network (uuid) → network, null: left disconnected */
            readonly mapping?: {
                readonly [key: string]: string | null;
            };
        };
        readonly NewChannel: components["schemas"]["NewEmailChannel"] | components["schemas"]["NewWebhookChannel"];
        readonly NewEmailChannel: {
            /** @enum {string} */
            readonly kind: "email";
            readonly name: string;
            readonly enabled: boolean;
            readonly host: string;
            readonly port: number;
            /** @enum {unknown} */
            readonly tls: "implicit" | "starttls" | "none";
            readonly user?: string;
            readonly from: string;
            readonly to: readonly string[];
            /** @description password of the mail server, or key of the webhook's signature; never given back */
            readonly secret?: string;
        };
        readonly NewJob: {
            readonly name: string;
            readonly enabled: boolean;
            readonly selection: components["schemas"]["Selection"];
            readonly targets: readonly components["schemas"]["Target"][];
            readonly settings: components["schemas"]["JobSettings"];
            readonly schedules?: readonly components["schemas"]["ScheduleSpec"][];
        };
        readonly NewPool: {
            readonly name?: string;
            /** @description `https://host[:port]`, without user and password */
            readonly url: string;
            readonly user: string;
            readonly password: string;
            /** @description SHA-256 of the certificate, `AB:CD:…` */
            readonly fingerprint: string;
        };
        readonly NewToken: {
            readonly name: string;
            /** @enum {unknown} */
            readonly role: "viewer" | "operator" | "administrator";
            readonly expiresAt: string | null;
        };
        readonly NewUser: {
            /** @description up to 64 letters, digits and . _ @ - */
            readonly name: string;
            /** @enum {unknown} */
            readonly role: "viewer" | "operator" | "administrator";
            readonly password: string;
        };
        readonly NewWebhookChannel: {
            /** @enum {string} */
            readonly kind: "webhook";
            readonly name: string;
            readonly enabled: boolean;
            readonly url: string;
            /** @description password of the mail server, or key of the webhook's signature; never given back */
            readonly secret?: string;
        };
        readonly PasswordChange: {
            readonly currentPassword: string;
            readonly password: string;
        };
        readonly PlanCheck: {
            readonly ok: boolean;
            readonly problems: readonly components["schemas"]["PlanProblem"][];
            readonly vms: readonly {
                readonly group: string;
                readonly vm: string;
                readonly name: string;
                readonly point: {
                    readonly uuid: string;
                    /**
                     * Format: date-time
                     * @description ISO 8601, UTC
                     */
                    readonly takenAt: string;
                } | null;
                readonly lossSeconds: number | null;
            }[];
        };
        readonly PlanEvent: {
            /** @enum {string} */
            readonly kind: "plan";
            readonly plan: components["schemas"]["RecoveryPlan"];
        };
        readonly PlanGroup: {
            readonly name: string;
            readonly delaySeconds: number;
            readonly before: string | null;
            readonly after: string | null;
            readonly vms: readonly components["schemas"]["PlanVm"][];
        };
        readonly PlanPreview: {
            readonly ok: boolean;
            readonly problems: readonly components["schemas"]["PlanProblem"][];
            readonly vms: readonly {
                readonly group: string;
                readonly vm: string;
                readonly name: string;
                readonly point: {
                    readonly uuid: string;
                    /**
                     * Format: date-time
                     * @description ISO 8601, UTC
                     */
                    readonly takenAt: string;
                } | null;
                readonly lossSeconds: number | null;
            }[];
            /** @enum {unknown} */
            readonly mode: "test" | "planned" | "unplanned";
            readonly title: string;
            readonly happens: readonly components["schemas"]["Reason"][];
            readonly lost: readonly components["schemas"]["Reason"][];
            readonly costs: readonly components["schemas"]["Reason"][];
            readonly warnings: readonly components["schemas"]["Reason"][];
            readonly confirm: string | null;
        };
        readonly PlanProblem: {
            readonly group: string | null;
            readonly vm: string | null;
            readonly code: string;
            readonly text: string;
        };
        readonly PlanRemovedEvent: {
            /** @enum {string} */
            readonly kind: "plan-removed";
            readonly id: string;
        };
        /** @description how the VMs of a recovery plan go, in its order */
        readonly PlanRunProgress: {
            /** @enum {unknown} */
            readonly mode: "test" | "planned" | "unplanned";
            readonly vms: readonly components["schemas"]["PlanVmProgress"][];
        };
        readonly PlanRunResult: {
            /** @enum {string} */
            readonly kind: "plan";
            /** @enum {unknown} */
            readonly mode: "test" | "planned" | "unplanned";
            readonly ok: boolean;
            readonly up: number;
            readonly failed: number;
            readonly skipped: number;
            /** @description seconds */
            readonly seconds: number;
            readonly removed: boolean;
            readonly vms: readonly components["schemas"]["PlanVmResult"][];
        };
        readonly PlanVm: {
            /** Format: uuid */
            readonly vm: string;
            readonly target: components["schemas"]["Target"];
            readonly job: string | null;
            /** @description when it counts as up: tools, address, tcp:PORT, tcp:HOST:PORT, running, script:/PATH (administrators only), in this order */
            readonly ready?: readonly string[];
            readonly readyTimeoutSeconds?: number;
        };
        readonly PlanVmProgress: {
            readonly group: string;
            readonly vm: string;
            readonly name: string;
            /** @enum {unknown} */
            readonly state: "waiting" | "working" | "up" | "failed" | "skipped";
            readonly text: string;
            readonly startedAt: string | null;
            readonly endedAt: string | null;
        };
        readonly PlanVmResult: {
            readonly group: string;
            readonly vm: string;
            readonly name: string | null;
            /** @enum {unknown} */
            readonly outcome: "up" | "failed" | "skipped";
            readonly text: string;
            readonly runs: string | null;
            readonly rtoSeconds: number | null;
            readonly lossSeconds: number | null;
        };
        readonly PlannedFailoverResult: {
            /** @enum {string} */
            readonly kind: "planned-failover";
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            };
            readonly point: {
                readonly uuid: string;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                readonly takenAt: string;
            };
            readonly ready: boolean | null;
            /** @description seconds */
            readonly rtoSeconds: number;
            /** @description from the beginning of the shutdown until the replica was up */
            readonly downSeconds: number;
            readonly bytesSent: number;
            readonly evidence: readonly components["schemas"]["Evidence"][];
            readonly addresses: readonly string[];
            readonly warnings: readonly components["schemas"]["Reason"][];
        };
        readonly Pool: {
            readonly id: string;
            readonly name: string;
            readonly url: string;
            readonly user: string;
            readonly fingerprints: readonly string[];
            readonly poolUuid: string;
            readonly enabled: boolean;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly createdAt: string;
            /** @enum {unknown} */
            readonly state: "connecting" | "connected" | "away" | "refused" | "disabled";
            readonly error: components["schemas"]["RunFailure"] | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly since: string;
            readonly lastSeenAt: string | null;
            readonly version: string | null;
            readonly counts: {
                readonly hosts: number;
                readonly vms: number;
                readonly srs: number;
            };
        };
        readonly PoolChange: {
            readonly name?: string;
            /** @description `https://host[:port]`, without user and password */
            readonly url?: string;
            readonly user?: string;
            readonly password?: string;
            /** @description SHA-256 of the certificate, `AB:CD:…` */
            readonly fingerprint?: string;
            readonly enabled?: boolean;
        };
        readonly PoolEvent: {
            /** @enum {string} */
            readonly kind: "pool";
            readonly pool: components["schemas"]["Pool"];
        };
        readonly PoolInventory: {
            readonly pool: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly seenAt: string;
            readonly hosts: readonly components["schemas"]["InventoryHost"][];
            readonly srs: readonly components["schemas"]["InventorySr"][];
            readonly networks: readonly components["schemas"]["InventoryNetwork"][];
            readonly vms: readonly components["schemas"]["InventoryVm"][];
        };
        readonly PoolPage: {
            readonly items: readonly components["schemas"]["Pool"][];
            readonly next: string | null;
        };
        readonly PoolRemovedEvent: {
            /** @enum {string} */
            readonly kind: "pool-removed";
            readonly id: string;
        };
        readonly PoolTest: {
            readonly ok: boolean;
            readonly checks: readonly {
                readonly name: string;
                readonly ok: boolean;
                readonly text: string;
            }[];
        };
        readonly Preview: {
            readonly vms: readonly components["schemas"]["SelectedVm"][];
            readonly leftOut: readonly components["schemas"]["LeftOutVm"][];
        };
        readonly PreviewCleanUp: {
            /** @enum {string} */
            readonly kind: "clean-up";
            readonly pool: string;
            /** Format: uuid */
            readonly test?: string;
            /** Format: uuid */
            readonly vm?: string;
        };
        readonly PreviewClone: {
            /** @enum {string} */
            readonly kind: "clone";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** Format: uuid */
            readonly restorePoint?: string;
            readonly networks?: components["schemas"]["NetworkWish"];
            /** @enum {unknown} */
            readonly macs?: "new" | "keep" | "safe";
            readonly name?: string;
            readonly memory?: boolean;
        };
        readonly PreviewFailback: {
            /** @enum {string} */
            readonly kind: "failback";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** Format: uuid */
            readonly failedOver?: string;
            /** Format: uuid */
            readonly backSr?: string;
            /** @description network (uuid) → network, null: left disconnected */
            readonly networks?: {
                readonly [key: string]: string | null;
            };
            /** @enum {unknown} */
            readonly shutdown?: "clean" | "hard";
            readonly shutdownTimeoutSeconds?: number;
            readonly ready?: components["schemas"]["ReadinessWish"];
            readonly protectAgain?: boolean;
        };
        readonly PreviewFailover: {
            /** @enum {string} */
            readonly kind: "failover";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** Format: uuid */
            readonly restorePoint?: string;
            readonly networks?: components["schemas"]["NetworkWish"];
            /** @enum {unknown} */
            readonly macs?: "new" | "keep" | "safe";
            readonly clone?: boolean;
            readonly asItRuns?: boolean;
            /** @description although the source runs, or another VM that took over from it */
            readonly evenIfSourceRuns?: boolean;
            readonly name?: string;
            readonly ready?: components["schemas"]["ReadinessWish"];
        };
        readonly PreviewFence: {
            /** @enum {string} */
            readonly kind: "fence";
            readonly pool: string;
            /** Format: uuid */
            readonly vm?: string;
        };
        readonly PreviewInterface: {
            readonly device: string;
            readonly from: {
                readonly uuid: string;
                readonly name: string;
            } | null;
            readonly to: {
                readonly uuid: string | null;
                readonly name: string;
            } | null;
            readonly mac: string | null;
            readonly reason: components["schemas"]["Reason"];
        };
        readonly PreviewPlannedFailover: {
            /** @enum {string} */
            readonly kind: "planned-failover";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** @enum {unknown} */
            readonly shutdown?: "clean" | "hard";
            readonly shutdownTimeoutSeconds?: number;
            readonly ready?: components["schemas"]["ReadinessWish"];
        };
        readonly PreviewReprotect: {
            /** @enum {string} */
            readonly kind: "reprotect";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** Format: uuid */
            readonly failedOver?: string;
            /** Format: uuid */
            readonly backSr?: string;
            /** @description network (uuid) → network, null: left disconnected */
            readonly networks?: {
                readonly [key: string]: string | null;
            };
        };
        readonly PreviewTestFailover: {
            /** @enum {string} */
            readonly kind: "test-failover";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** Format: uuid */
            readonly restorePoint?: string;
            readonly networks?: components["schemas"]["NetworkWish"];
            /** @enum {unknown} */
            readonly macs?: "new" | "keep" | "safe";
            readonly ready?: components["schemas"]["ReadinessWish"];
            readonly keep?: boolean;
        };
        readonly PreviewUndoFailover: {
            /** @enum {string} */
            readonly kind: "undo-failover";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** Format: uuid */
            readonly failedOver?: string;
        };
        readonly Problem: {
            /** @description where the documentation explains the code */
            readonly type: string;
            readonly title: string;
            readonly status: number;
            /** @description stable; see docs/errors.md */
            readonly code: string;
            readonly detail: string;
            /** @description what to do about it */
            readonly hint: string;
            /** @description id of the request, as in the log of the server */
            readonly request: string;
            /** @description of INPUT_INVALID: what is wrong with which field */
            readonly errors?: readonly {
                readonly field: string;
                readonly message: string;
            }[];
        };
        readonly Protection: {
            readonly sourcePool: string;
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            };
            readonly job: string | null;
            readonly jobName: string | null;
            readonly target: components["schemas"]["Target"] | null;
            /** @enum {unknown} */
            readonly state: "protected" | "at-risk" | "missed" | "pending" | "paused" | "failed-over" | "unprotected";
            /** @description in words, with the numbers */
            readonly reason: string;
            readonly askedRpoSeconds: number | null;
            readonly achievedRpoSeconds: number | null;
            readonly newestPoint: {
                readonly uuid: string;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                readonly takenAt: string;
            } | null;
            readonly replica: string | null;
            readonly lastRun: {
                readonly vmRun: string;
                readonly state: string;
                readonly endedAt: string | null;
            } | null;
            readonly lastError: components["schemas"]["RunFailure"] | null;
            readonly lastHealthCheck: components["schemas"]["HealthCheckState"] | null;
        };
        readonly ProtectionCounts: {
            readonly protected: number;
            readonly "at-risk": number;
            readonly missed: number;
            readonly pending: number;
            readonly paused: number;
            readonly "failed-over": number;
            readonly unprotected: number;
        };
        readonly ProtectionEvent: {
            /** @enum {string} */
            readonly kind: "protection";
            readonly protection: components["schemas"]["Protection"];
        };
        readonly ProtectionPage: {
            readonly items: readonly components["schemas"]["Protection"][];
            readonly next: string | null;
        };
        /** @description the list of them has others than before */
        readonly ProtectionsEvent: {
            /** @enum {string} */
            readonly kind: "protections";
        };
        readonly ReadinessWish: {
            /** @description when it counts as up: tools, address, tcp:PORT, tcp:HOST:PORT, running, script:/PATH (administrators only), in this order */
            readonly checks: readonly string[];
            readonly timeoutSeconds: number;
        };
        readonly Reason: {
            readonly code: string;
            readonly text: string;
            /** @description what would have avoided it */
            readonly avoid?: string;
        };
        readonly RecoveryPlan: {
            readonly name: string;
            readonly description: string;
            /** @enum {unknown} */
            readonly onFailure: "stop" | "continue";
            /** @description when it counts as up: tools, address, tcp:PORT, tcp:HOST:PORT, running, script:/PATH (administrators only), in this order */
            readonly ready: readonly string[];
            readonly readyTimeoutSeconds: number;
            readonly scriptTimeoutSeconds: number;
            /** @description network of the replicas (uuid) → network, null: left disconnected */
            readonly networks: {
                readonly [key: string]: string | null;
            };
            readonly groups: readonly components["schemas"]["PlanGroup"][];
            readonly id: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly createdAt: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly updatedAt: string;
            readonly version: number;
        };
        readonly RecoveryPlanChange: {
            readonly name?: string;
            readonly description?: string;
            /** @enum {unknown} */
            readonly onFailure?: "stop" | "continue";
            /** @description when it counts as up: tools, address, tcp:PORT, tcp:HOST:PORT, running, script:/PATH (administrators only), in this order */
            readonly ready?: readonly string[];
            readonly readyTimeoutSeconds?: number;
            readonly scriptTimeoutSeconds?: number;
            /** @description network of the replicas (uuid) → network, null: left disconnected */
            readonly networks?: {
                readonly [key: string]: string | null;
            };
            readonly groups?: readonly components["schemas"]["PlanGroup"][];
            readonly version?: number;
        };
        readonly RecoveryPlanPage: {
            readonly items: readonly components["schemas"]["RecoveryPlan"][];
            readonly next: string | null;
        };
        readonly RecoveryPlanSpec: {
            readonly name: string;
            readonly description: string;
            /** @enum {unknown} */
            readonly onFailure: "stop" | "continue";
            /** @description when it counts as up: tools, address, tcp:PORT, tcp:HOST:PORT, running, script:/PATH (administrators only), in this order */
            readonly ready: readonly string[];
            readonly readyTimeoutSeconds: number;
            readonly scriptTimeoutSeconds: number;
            /** @description network of the replicas (uuid) → network, null: left disconnected */
            readonly networks: {
                readonly [key: string]: string | null;
            };
            readonly groups: readonly components["schemas"]["PlanGroup"][];
        };
        readonly ReprotectResult: {
            /** @enum {string} */
            readonly kind: "reprotect";
            /** @enum {unknown} */
            readonly how: "in-place" | "beside" | "new";
            readonly replica: string;
            readonly restorePoint: {
                readonly uuid: string;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                readonly takenAt: string;
            };
            readonly changedBytes: number;
            readonly bytesSent: number;
            readonly warnings: readonly components["schemas"]["Reason"][];
        };
        readonly RestorePoint: {
            readonly uuid: string;
            readonly name: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly takenAt: string;
            readonly job: string;
            readonly schedule: string | null;
            readonly bytes: number;
            readonly complete: boolean;
            /** @description it keeps the memory of its VM: a clone can go on with it */
            readonly memory: boolean;
            readonly tested: {
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                readonly at: string;
                /** @enum {unknown} */
                readonly outcome: "ready" | "not-ready";
                readonly seconds: number;
            } | null;
            readonly verified: {
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                readonly at: string;
                readonly mode: string;
                readonly equal: boolean;
            } | null;
        };
        readonly RestorePointPage: {
            readonly items: readonly components["schemas"]["RestorePoint"][];
            readonly next: string | null;
        };
        /** @description restore points that are kept: the newest ones, and the newest of so many periods */
        readonly Retention: {
            readonly last: number;
            readonly hourly?: number;
            readonly daily?: number;
            readonly weekly?: number;
            readonly monthly?: number;
        };
        readonly Run: {
            readonly id: string;
            readonly job: string;
            readonly jobName: string;
            readonly schedule: string | null;
            readonly scheduleName: string | null;
            readonly trigger: components["schemas"]["Trigger"];
            /** @enum {unknown} */
            readonly state: "queued" | "running" | "success" | "partial" | "failed" | "cancelled" | "interrupted" | "skipped";
            readonly dryRun: boolean;
            readonly reason: components["schemas"]["Reason"] | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly queuedAt: string;
            readonly startedAt: string | null;
            readonly endedAt: string | null;
            readonly totals: components["schemas"]["RunTotals"];
        };
        readonly RunDetail: {
            readonly id: string;
            readonly job: string;
            readonly jobName: string;
            readonly schedule: string | null;
            readonly scheduleName: string | null;
            readonly trigger: components["schemas"]["Trigger"];
            /** @enum {unknown} */
            readonly state: "queued" | "running" | "success" | "partial" | "failed" | "cancelled" | "interrupted" | "skipped";
            readonly dryRun: boolean;
            readonly reason: components["schemas"]["Reason"] | null;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly queuedAt: string;
            readonly startedAt: string | null;
            readonly endedAt: string | null;
            readonly totals: components["schemas"]["RunTotals"];
            readonly vmRuns: readonly components["schemas"]["VmRun"][];
        };
        readonly RunEvent: {
            /** @enum {string} */
            readonly kind: "run";
            readonly run: components["schemas"]["Run"];
        };
        readonly RunFailure: {
            /** @description see docs/errors.md */
            readonly code: string;
            readonly message: string;
            readonly hint: string;
        };
        /** @description hours in which nothing was are left out */
        readonly RunFigures: {
            readonly since: string | null;
            readonly hours: readonly components["schemas"]["HourFigures"][];
            readonly targets: readonly components["schemas"]["TargetFigures"][];
        };
        readonly RunPage: {
            readonly items: readonly components["schemas"]["Run"][];
            readonly next: string | null;
        };
        /** @description as `understudy replicate --json` prints it */
        readonly RunReport: {
            readonly status: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly startedAt: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly endedAt: string;
            readonly seconds: number;
            readonly disks: readonly {
                readonly userdevice: string;
                readonly name: string;
                /** @enum {unknown} */
                readonly mode: "delta" | "full" | "skipped";
                readonly reason: components["schemas"]["Reason"];
                readonly fallbacks: readonly components["schemas"]["Reason"][];
                readonly size: number;
                readonly changedBytes: number;
                readonly bytesRead: number;
                readonly bytesSent: number;
                readonly seconds: number;
                readonly verify?: {
                    readonly equal: boolean;
                };
            }[];
            readonly totals: {
                readonly changedBytes: number;
                readonly bytesRead: number;
                readonly bytesSent: number;
            };
            readonly warnings: readonly components["schemas"]["Reason"][];
        };
        readonly RunTotals: {
            readonly vms: number;
            readonly succeeded: number;
            readonly failed: number;
            readonly changedBytes: number;
            readonly bytesRead: number;
            readonly bytesSent: number;
            readonly fulls: number;
        };
        readonly Schedule: {
            readonly name: string;
            readonly enabled: boolean;
            readonly timing: components["schemas"]["Timing"];
            readonly retention: components["schemas"]["Retention"];
            readonly settings: components["schemas"]["JobSettings"];
            /** Format: uuid */
            readonly id: string;
        };
        readonly ScheduleChange: {
            readonly name?: string;
            readonly enabled?: boolean;
            readonly timing?: components["schemas"]["Timing"];
            readonly retention?: components["schemas"]["Retention"];
            readonly settings?: components["schemas"]["JobSettings"];
        };
        readonly ScheduleSpec: {
            readonly name: string;
            readonly enabled: boolean;
            readonly timing: components["schemas"]["Timing"];
            readonly retention: components["schemas"]["Retention"];
            readonly settings: components["schemas"]["JobSettings"];
        };
        readonly SeedCheck: {
            /** @enum {unknown} */
            readonly kind: "link" | "linked" | "refused";
            readonly code: string | null;
            readonly text: string;
            readonly hint: string;
            readonly disks: readonly {
                readonly userdevice: string;
                readonly name: string;
                readonly size: number;
            }[];
            readonly warnings: readonly components["schemas"]["Reason"][];
        };
        readonly SeedExportResult: {
            /** @enum {string} */
            readonly kind: "seed-export";
            readonly folder: string;
            readonly snapshot: string;
            readonly bytesRead: number;
            readonly bytesStored: number;
            readonly warnings: readonly components["schemas"]["Reason"][];
        };
        readonly SeedFolder: {
            readonly name: string;
            /** @enum {unknown} */
            readonly state: "complete" | "exporting" | "incomplete" | "damaged";
            readonly problem: string | null;
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            } | null;
            readonly snapshot: {
                readonly uuid: string;
                readonly name: string;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                readonly takenAt: string;
            } | null;
            readonly createdAt: string | null;
            readonly bytesStored: number;
        };
        readonly SeedFolderPage: {
            readonly items: readonly components["schemas"]["SeedFolder"][];
            readonly next: string | null;
        };
        readonly SeedImportResult: {
            /** @enum {string} */
            readonly kind: "seed-import";
            /** @enum {unknown} */
            readonly status: "linked" | "already-linked";
            readonly replica: string;
            readonly restorePoint: string;
            readonly bytesSent: number;
            readonly bytesCompared: number;
            readonly warnings: readonly components["schemas"]["Reason"][];
        };
        readonly SeedLinkResult: {
            /** @enum {string} */
            readonly kind: "seed-link";
            /** @enum {unknown} */
            readonly status: "linked" | "already-linked";
            readonly replica: string;
            readonly restorePoint: string;
            readonly bytesSent: number;
            readonly bytesCompared: number;
            readonly warnings: readonly components["schemas"]["Reason"][];
        };
        readonly SeedSnapshot: {
            readonly uuid: string;
            readonly name: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly takenAt: string;
            readonly disks: readonly {
                readonly userdevice: string;
                readonly name: string;
                readonly size: number;
                readonly tracked: boolean;
            }[];
            readonly usable: boolean;
            readonly reason: string | null;
        };
        readonly SeedSnapshotPage: {
            readonly items: readonly components["schemas"]["SeedSnapshot"][];
            readonly next: string | null;
        };
        readonly SeedSnapshotResult: {
            /** @enum {string} */
            readonly kind: "seed-snapshot";
            readonly snapshot: string;
            readonly name: string;
            readonly warnings: readonly components["schemas"]["Reason"][];
        };
        readonly SeedState: {
            /** @enum {unknown} */
            readonly state: "none" | "fresh" | "used" | "old" | "started" | "altered" | "base-gone";
            readonly text: string;
            readonly hint: string;
            readonly takenAt: string | null;
            readonly snapshot: string | null;
            readonly replica: string | null;
        };
        readonly SelectedVm: {
            readonly pool: string;
            readonly vm: string;
            readonly name: string;
            readonly bytesAllocated: number | null;
            /** @description the selector that chose it */
            readonly by: string;
        };
        /** @description VMs that any of `include` chooses and none of `exclude` */
        readonly Selection: {
            readonly include: readonly components["schemas"]["VmSelector"][];
            readonly exclude: readonly components["schemas"]["VmSelector"][];
        };
        readonly Server: {
            readonly version: string;
            readonly node: string;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly startedAt: string;
            readonly ready: boolean;
            readonly queued: number;
            readonly running: number;
            readonly schedulerLagMs: number;
        };
        readonly ServerEvent: components["schemas"]["PoolEvent"] | components["schemas"]["PoolRemovedEvent"] | components["schemas"]["InventoryEvent"] | components["schemas"]["JobEvent"] | components["schemas"]["JobRemovedEvent"] | components["schemas"]["RunEvent"] | components["schemas"]["VmRunEvent"] | components["schemas"]["ProtectionEvent"] | components["schemas"]["ProtectionsEvent"] | components["schemas"]["AlertEvent"] | components["schemas"]["ActivityEvent"] | components["schemas"]["PlanEvent"] | components["schemas"]["PlanRemovedEvent"] | components["schemas"]["VerifiedEvent"];
        readonly ServerSettings: {
            readonly vmRunsPerPool: number;
            readonly vmRunsPerSr: number;
            readonly vmRunsAtOnce: number;
            readonly keepRunsDays: number;
            readonly keepDetailsDays: number;
            readonly keepAuditDays: number;
            readonly dailyReportAt: string | null;
            readonly maintenance: readonly components["schemas"]["MaintenanceWindow"][];
        };
        readonly ServerSettingsChange: {
            readonly vmRunsPerPool?: number;
            readonly vmRunsPerSr?: number;
            readonly vmRunsAtOnce?: number;
            readonly keepRunsDays?: number;
            readonly keepDetailsDays?: number;
            readonly keepAuditDays?: number;
            readonly dailyReportAt?: string | null;
            readonly maintenance?: readonly components["schemas"]["MaintenanceWindow"][];
        };
        readonly Setup: {
            /** @description what the one-time link carries */
            readonly link: string;
            /** @description up to 64 letters, digits and . _ @ - */
            readonly name: string;
            readonly password: string;
        };
        readonly SetupState: {
            /** @description there is no user yet */
            readonly needed: boolean;
        };
        readonly ShownToken: {
            readonly id: string;
            readonly user: string;
            readonly userName: string;
            readonly name: string;
            /** @enum {unknown} */
            readonly role: "viewer" | "operator" | "administrator";
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly createdAt: string;
            readonly expiresAt: string | null;
            readonly lastUsedAt: string | null;
            /** @description shown this once */
            readonly secret: string;
        };
        readonly StartCleanUp: {
            /** @enum {string} */
            readonly kind: "clean-up";
            readonly pool: string;
            /** Format: uuid */
            readonly test?: string;
            /** Format: uuid */
            readonly vm?: string;
            /** @description the name that the preview asked for */
            readonly confirm?: string;
            /** @description `agreed` of the preview that somebody was shown */
            readonly agreed?: string;
        };
        readonly StartClone: {
            /** @enum {string} */
            readonly kind: "clone";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** Format: uuid */
            readonly restorePoint?: string;
            readonly networks?: components["schemas"]["NetworkWish"];
            /** @enum {unknown} */
            readonly macs?: "new" | "keep" | "safe";
            readonly name?: string;
            readonly memory?: boolean;
            /** @description the name that the preview asked for */
            readonly confirm?: string;
            /** @description `agreed` of the preview that somebody was shown */
            readonly agreed?: string;
        };
        readonly StartFailback: {
            /** @enum {string} */
            readonly kind: "failback";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** Format: uuid */
            readonly failedOver?: string;
            /** Format: uuid */
            readonly backSr?: string;
            /** @description network (uuid) → network, null: left disconnected */
            readonly networks?: {
                readonly [key: string]: string | null;
            };
            /** @enum {unknown} */
            readonly shutdown?: "clean" | "hard";
            readonly shutdownTimeoutSeconds?: number;
            readonly ready?: components["schemas"]["ReadinessWish"];
            readonly protectAgain?: boolean;
            /** @description the name that the preview asked for */
            readonly confirm?: string;
            /** @description `agreed` of the preview that somebody was shown */
            readonly agreed?: string;
        };
        readonly StartFailover: {
            /** @enum {string} */
            readonly kind: "failover";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** Format: uuid */
            readonly restorePoint?: string;
            readonly networks?: components["schemas"]["NetworkWish"];
            /** @enum {unknown} */
            readonly macs?: "new" | "keep" | "safe";
            readonly clone?: boolean;
            readonly asItRuns?: boolean;
            /** @description although the source runs, or another VM that took over from it */
            readonly evenIfSourceRuns?: boolean;
            readonly name?: string;
            readonly ready?: components["schemas"]["ReadinessWish"];
            /** @description the name that the preview asked for */
            readonly confirm?: string;
            /** @description `agreed` of the preview that somebody was shown */
            readonly agreed?: string;
        };
        readonly StartFence: {
            /** @enum {string} */
            readonly kind: "fence";
            readonly pool: string;
            /** Format: uuid */
            readonly vm?: string;
            /** @description the name that the preview asked for */
            readonly confirm?: string;
            /** @description `agreed` of the preview that somebody was shown */
            readonly agreed?: string;
        };
        readonly StartPlan: {
            /** @enum {unknown} */
            readonly mode: "test" | "planned" | "unplanned";
            readonly keep?: boolean;
            readonly evenIfSourceRuns?: boolean;
            /** @enum {unknown} */
            readonly shutdown?: "clean" | "hard";
            readonly shutdownTimeoutSeconds?: number;
            /** @description the name that the preview asked for */
            readonly confirm?: string;
            /** @description `agreed` of the preview that somebody was shown */
            readonly agreed?: string;
        };
        readonly StartPlannedFailover: {
            /** @enum {string} */
            readonly kind: "planned-failover";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** @enum {unknown} */
            readonly shutdown?: "clean" | "hard";
            readonly shutdownTimeoutSeconds?: number;
            readonly ready?: components["schemas"]["ReadinessWish"];
            /** @description the name that the preview asked for */
            readonly confirm?: string;
            /** @description `agreed` of the preview that somebody was shown */
            readonly agreed?: string;
        };
        readonly StartReprotect: {
            /** @enum {string} */
            readonly kind: "reprotect";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** Format: uuid */
            readonly failedOver?: string;
            /** Format: uuid */
            readonly backSr?: string;
            /** @description network (uuid) → network, null: left disconnected */
            readonly networks?: {
                readonly [key: string]: string | null;
            };
            /** @description the name that the preview asked for */
            readonly confirm?: string;
            /** @description `agreed` of the preview that somebody was shown */
            readonly agreed?: string;
        };
        readonly StartRun: {
            readonly job: string;
            readonly schedule?: string;
            /** @description only these VMs of the job (uuids) */
            readonly vms?: readonly string[];
            /** @description plans are made and shown; nothing is changed */
            readonly dryRun?: boolean;
        };
        readonly StartTestFailover: {
            /** @enum {string} */
            readonly kind: "test-failover";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** Format: uuid */
            readonly restorePoint?: string;
            readonly networks?: components["schemas"]["NetworkWish"];
            /** @enum {unknown} */
            readonly macs?: "new" | "keep" | "safe";
            readonly ready?: components["schemas"]["ReadinessWish"];
            readonly keep?: boolean;
            /** @description the name that the preview asked for */
            readonly confirm?: string;
            /** @description `agreed` of the preview that somebody was shown */
            readonly agreed?: string;
        };
        readonly StartUndoFailover: {
            /** @enum {string} */
            readonly kind: "undo-failover";
            readonly target: components["schemas"]["Target"];
            /** Format: uuid */
            readonly vm: string;
            /** Format: uuid */
            readonly job?: string;
            /** Format: uuid */
            readonly failedOver?: string;
            /** @description the name that the preview asked for */
            readonly confirm?: string;
            /** @description `agreed` of the preview that somebody was shown */
            readonly agreed?: string;
        };
        readonly TakeSeedSnapshot: {
            readonly pool: string;
            /** Format: uuid */
            readonly vm: string;
        };
        /** @description `pool`: our id of the pool; `sr`: uuid */
        readonly Target: {
            readonly pool: string;
            readonly sr: string;
        };
        /** @description over the last seven days, or since `since`; a run to several targets counts with even shares */
        readonly TargetFigures: {
            readonly pool: string;
            readonly sr: string;
            readonly bytesSent: number;
        };
        readonly TestCopy: {
            readonly uuid: string;
            readonly name: string;
            readonly powerState: string;
            readonly test: string;
            readonly at: string | null;
            readonly keep: boolean;
        };
        readonly TestResult: {
            /** @enum {string} */
            readonly kind: "test-failover";
            /** @enum {unknown} */
            readonly outcome: "ready" | "not-ready";
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            } | null;
            readonly point: {
                readonly uuid: string;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                readonly takenAt: string;
            };
            /** @description from the beginning to a VM that is ready, or until it was given up */
            readonly rtoSeconds: number;
            readonly seconds: {
                readonly clone: number;
                readonly start: number;
                readonly ready: number;
            };
            /** @description what a failover at that moment would have lost */
            readonly lossSeconds: number;
            readonly removed: boolean;
            readonly evidence: readonly components["schemas"]["Evidence"][];
            readonly addresses: readonly string[];
            readonly warnings: readonly components["schemas"]["Reason"][];
        };
        readonly Ticks: {
            readonly ticks: readonly string[];
        };
        readonly TimelineLine: {
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly at: string;
            /** @enum {unknown} */
            readonly level: "info" | "warning" | "error";
            readonly step: string | null;
            readonly text: string;
        };
        readonly Timing: components["schemas"]["Interval"] | components["schemas"]["Cron"];
        readonly TokenPage: {
            readonly items: readonly components["schemas"]["ApiToken"][];
            readonly next: string | null;
        };
        readonly Trigger: components["schemas"]["ByScheduleTick"] | components["schemas"]["ByMissedTick"] | components["schemas"]["ByHand"];
        /** @description a VM that failed over and is protected in the direction back, in place of the original */
        readonly TurnedVm: {
            readonly original: {
                readonly pool: string;
                readonly vm: string;
            };
            readonly pool: string;
            readonly vm: string;
            readonly name: string;
            readonly target: components["schemas"]["Target"];
            readonly networks: {
                readonly [key: string]: string | null;
            };
        };
        readonly UndoResult: {
            /** @enum {string} */
            readonly kind: "undo-failover";
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            };
            readonly removed: boolean;
            readonly sourceFreed: boolean;
        };
        readonly UpcomingPage: {
            readonly items: readonly components["schemas"]["UpcomingTick"][];
            readonly next: string | null;
        };
        readonly UpcomingTick: {
            readonly job: string;
            readonly schedule: string;
            readonly at: string | null;
        };
        readonly User: {
            readonly id: string;
            readonly name: string;
            /** @enum {unknown} */
            readonly role: "viewer" | "operator" | "administrator";
            readonly disabled: boolean;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly createdAt: string;
            readonly lastLoginAt: string | null;
        };
        readonly UserChange: {
            /** @enum {unknown} */
            readonly role?: "viewer" | "operator" | "administrator";
            readonly disabled?: boolean;
            readonly password?: string;
        };
        readonly UserPage: {
            readonly items: readonly components["schemas"]["User"][];
            readonly next: string | null;
        };
        readonly Verification: {
            readonly id: string;
        };
        readonly VerifiedEvent: {
            /** @enum {string} */
            readonly kind: "verified";
            readonly id: string;
            readonly restorePoint: string;
            readonly equal: boolean;
            readonly error: string | null;
        };
        readonly VerifyRequest: {
            readonly target: components["schemas"]["Target"];
            readonly restorePoint: string;
            /** @enum {unknown} */
            readonly mode: "sample" | "changed" | "full";
        };
        readonly VerifyResult: {
            /** @enum {string} */
            readonly kind: "verify";
            readonly equal: boolean;
            readonly mode: string;
            readonly restorePoint: string;
            readonly text: string;
        };
        readonly VmByHand: {
            /** @enum {string} */
            readonly kind: "vm";
            readonly pool: string;
            readonly vm: string;
        };
        readonly VmRun: {
            readonly id: string;
            readonly run: string;
            readonly job: string;
            readonly schedule: string | null;
            readonly sourcePool: string;
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            };
            readonly target: components["schemas"]["Target"];
            /** @enum {unknown} */
            readonly state: "queued" | "waiting" | "running" | "success" | "failed" | "cancelled" | "interrupted" | "skipped";
            readonly stage: ("connect" | "inspect" | "plan" | "clean" | "snapshot" | "transfer" | "verify" | "commit" | "prune") | null;
            readonly waitingFor: string | null;
            readonly attempt: number;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly queuedAt: string;
            readonly startedAt: string | null;
            readonly endedAt: string | null;
            readonly disks: readonly components["schemas"]["DiskProgress"][];
            readonly error: components["schemas"]["RunFailure"] | null;
            readonly warnings: readonly components["schemas"]["Reason"][];
            readonly restorePoint: {
                readonly uuid: string;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                readonly takenAt: string;
            } | null;
            readonly replica: string | null;
        };
        readonly VmRunDetail: {
            readonly id: string;
            readonly run: string;
            readonly job: string;
            readonly schedule: string | null;
            readonly sourcePool: string;
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            };
            readonly target: components["schemas"]["Target"];
            /** @enum {unknown} */
            readonly state: "queued" | "waiting" | "running" | "success" | "failed" | "cancelled" | "interrupted" | "skipped";
            readonly stage: ("connect" | "inspect" | "plan" | "clean" | "snapshot" | "transfer" | "verify" | "commit" | "prune") | null;
            readonly waitingFor: string | null;
            readonly attempt: number;
            /**
             * Format: date-time
             * @description ISO 8601, UTC
             */
            readonly queuedAt: string;
            readonly startedAt: string | null;
            readonly endedAt: string | null;
            readonly disks: readonly components["schemas"]["DiskProgress"][];
            readonly error: components["schemas"]["RunFailure"] | null;
            readonly warnings: readonly components["schemas"]["Reason"][];
            readonly restorePoint: {
                readonly uuid: string;
                /**
                 * Format: date-time
                 * @description ISO 8601, UTC
                 */
                readonly takenAt: string;
            } | null;
            readonly replica: string | null;
            readonly plan: components["schemas"]["VmRunPlan"] | null;
            readonly report: components["schemas"]["RunReport"] | null;
            readonly log: readonly components["schemas"]["LogLine"][];
        };
        readonly VmRunEvent: {
            /** @enum {string} */
            readonly kind: "vm-run";
            readonly vmRun: components["schemas"]["VmRun"];
        };
        readonly VmRunPage: {
            readonly items: readonly components["schemas"]["VmRun"][];
            readonly next: string | null;
        };
        /** @description as `understudy replicate --dry-run --json` prints it */
        readonly VmRunPlan: {
            readonly vm: {
                readonly uuid: string;
                readonly name: string;
            };
            readonly targetSr: {
                readonly uuid: string;
                readonly name: string;
            };
            readonly replica: {
                /** @enum {unknown} */
                readonly kind: "create" | "reuse";
                readonly uuid?: string;
            };
            readonly disks: readonly {
                readonly userdevice: string;
                readonly source: string;
                readonly name: string;
                /** @enum {unknown} */
                readonly mode: "delta" | "full" | "skipped";
                readonly reason: components["schemas"]["Reason"];
                /** @description none of a disk that is skipped */
                readonly choice?: {
                    readonly reason: components["schemas"]["Reason"];
                };
            }[];
            readonly vifs: readonly {
                readonly device: string;
                readonly mac: string;
                readonly reason: components["schemas"]["Reason"];
            }[];
            readonly removals: readonly {
                /** @enum {unknown} */
                readonly side: "source" | "target";
                readonly kind: string;
                readonly uuid: string;
                readonly name: string;
                readonly reason: string;
                /** @enum {unknown} */
                readonly when: "before" | "after";
                /** @description SRs whose chains need it yet: it stays */
                readonly keptFor?: readonly string[];
            }[];
            readonly retention: readonly {
                readonly uuid: string;
                readonly keep: boolean;
                readonly reason: string;
            }[];
            readonly warnings: readonly components["schemas"]["Reason"][];
        };
        /** @description `pool`: our id of a registered pool; null: any */
        readonly VmSelector: components["schemas"]["VmByHand"] | components["schemas"]["VmsByTag"] | components["schemas"]["VmsByName"] | components["schemas"]["VmsOfPool"];
        readonly VmsByName: {
            /** @enum {string} */
            readonly kind: "name";
            readonly pool: string | null;
            readonly pattern: string;
        };
        readonly VmsByTag: {
            /** @enum {string} */
            readonly kind: "tag";
            readonly pool: string | null;
            readonly tag: string;
        };
        readonly VmsOfPool: {
            /** @enum {string} */
            readonly kind: "pool";
            readonly pool: string;
        };
        readonly WebhookChannel: {
            /** @enum {string} */
            readonly kind: "webhook";
            readonly name: string;
            readonly enabled: boolean;
            readonly url: string;
            readonly id: string;
            readonly hasSecret: boolean;
            readonly lastError: string | null;
            readonly lastSentAt: string | null;
        };
        readonly WebhookChannelChange: {
            /** @enum {string} */
            readonly kind?: "webhook";
            readonly name?: string;
            readonly enabled?: boolean;
            readonly url?: string;
            /** @description password of the mail server, or key of the webhook's signature; never given back */
            readonly secret?: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type Activity = components['schemas']['Activity'];
export type ActivityCause = components['schemas']['ActivityCause'];
export type ActivityDetail = components['schemas']['ActivityDetail'];
export type ActivityEvent = components['schemas']['ActivityEvent'];
export type ActivityPage = components['schemas']['ActivityPage'];
export type ActivityProgress = components['schemas']['ActivityProgress'];
export type ActivityResult = components['schemas']['ActivityResult'];
export type ActivitySubject = components['schemas']['ActivitySubject'];
export type Actor = components['schemas']['Actor'];
export type Alert = components['schemas']['Alert'];
export type AlertEvent = components['schemas']['AlertEvent'];
export type AlertPage = components['schemas']['AlertPage'];
export type ApiToken = components['schemas']['ApiToken'];
export type AuditEntry = components['schemas']['AuditEntry'];
export type AuditPage = components['schemas']['AuditPage'];
export type ByHand = components['schemas']['ByHand'];
export type ByMissedTick = components['schemas']['ByMissedTick'];
export type ByScheduleTick = components['schemas']['ByScheduleTick'];
export type Certificate = components['schemas']['Certificate'];
export type Channel = components['schemas']['Channel'];
export type ChannelChange = components['schemas']['ChannelChange'];
export type ChannelPage = components['schemas']['ChannelPage'];
export type ChannelTest = components['schemas']['ChannelTest'];
export type CleanUpResult = components['schemas']['CleanUpResult'];
export type CloneResult = components['schemas']['CloneResult'];
export type Credentials = components['schemas']['Credentials'];
export type Cron = components['schemas']['Cron'];
export type DeletedJob = components['schemas']['DeletedJob'];
export type DiskProgress = components['schemas']['DiskProgress'];
export type EmailChannel = components['schemas']['EmailChannel'];
export type EmailChannelChange = components['schemas']['EmailChannelChange'];
export type EveryDay = components['schemas']['EveryDay'];
export type EverySoManyRuns = components['schemas']['EverySoManyRuns'];
export type Evidence = components['schemas']['Evidence'];
export type ExportSeed = components['schemas']['ExportSeed'];
export type ExportedJob = components['schemas']['ExportedJob'];
export type FailbackResult = components['schemas']['FailbackResult'];
export type FailedOverVm = components['schemas']['FailedOverVm'];
export type FailoverPreview = components['schemas']['FailoverPreview'];
export type FailoverResult = components['schemas']['FailoverResult'];
export type FailoverStatus = components['schemas']['FailoverStatus'];
export type FailoverStatusPage = components['schemas']['FailoverStatusPage'];
export type FenceResult = components['schemas']['FenceResult'];
export type GuestWrites = components['schemas']['GuestWrites'];
export type HealthCheck = components['schemas']['HealthCheck'];
export type HealthCheckState = components['schemas']['HealthCheckState'];
export type HourFigures = components['schemas']['HourFigures'];
export type ImportSeed = components['schemas']['ImportSeed'];
export type Interval = components['schemas']['Interval'];
export type InventoryDisk = components['schemas']['InventoryDisk'];
export type InventoryEvent = components['schemas']['InventoryEvent'];
export type InventoryFailover = components['schemas']['InventoryFailover'];
export type InventoryHost = components['schemas']['InventoryHost'];
export type InventoryNetwork = components['schemas']['InventoryNetwork'];
export type InventorySr = components['schemas']['InventorySr'];
export type InventoryVm = components['schemas']['InventoryVm'];
export type Job = components['schemas']['Job'];
export type JobChange = components['schemas']['JobChange'];
export type JobEvent = components['schemas']['JobEvent'];
export type JobPage = components['schemas']['JobPage'];
export type JobRemovedEvent = components['schemas']['JobRemovedEvent'];
export type JobSettings = components['schemas']['JobSettings'];
export type JobsDocument = components['schemas']['JobsDocument'];
export type LabStatus = components['schemas']['LabStatus'];
export type LeftOutVm = components['schemas']['LeftOutVm'];
export type Licence = components['schemas']['Licence'];
export type LicencePage = components['schemas']['LicencePage'];
export type LinkSeed = components['schemas']['LinkSeed'];
export type LogLine = components['schemas']['LogLine'];
export type MaintenanceWindow = components['schemas']['MaintenanceWindow'];
export type Me = components['schemas']['Me'];
export type NetworkWish = components['schemas']['NetworkWish'];
export type NewChannel = components['schemas']['NewChannel'];
export type NewEmailChannel = components['schemas']['NewEmailChannel'];
export type NewJob = components['schemas']['NewJob'];
export type NewPool = components['schemas']['NewPool'];
export type NewToken = components['schemas']['NewToken'];
export type NewUser = components['schemas']['NewUser'];
export type NewWebhookChannel = components['schemas']['NewWebhookChannel'];
export type PasswordChange = components['schemas']['PasswordChange'];
export type PlanCheck = components['schemas']['PlanCheck'];
export type PlanEvent = components['schemas']['PlanEvent'];
export type PlanGroup = components['schemas']['PlanGroup'];
export type PlanPreview = components['schemas']['PlanPreview'];
export type PlanProblem = components['schemas']['PlanProblem'];
export type PlanRemovedEvent = components['schemas']['PlanRemovedEvent'];
export type PlanRunProgress = components['schemas']['PlanRunProgress'];
export type PlanRunResult = components['schemas']['PlanRunResult'];
export type PlanVm = components['schemas']['PlanVm'];
export type PlanVmProgress = components['schemas']['PlanVmProgress'];
export type PlanVmResult = components['schemas']['PlanVmResult'];
export type PlannedFailoverResult = components['schemas']['PlannedFailoverResult'];
export type Pool = components['schemas']['Pool'];
export type PoolChange = components['schemas']['PoolChange'];
export type PoolEvent = components['schemas']['PoolEvent'];
export type PoolInventory = components['schemas']['PoolInventory'];
export type PoolPage = components['schemas']['PoolPage'];
export type PoolRemovedEvent = components['schemas']['PoolRemovedEvent'];
export type PoolTest = components['schemas']['PoolTest'];
export type Preview = components['schemas']['Preview'];
export type PreviewCleanUp = components['schemas']['PreviewCleanUp'];
export type PreviewClone = components['schemas']['PreviewClone'];
export type PreviewFailback = components['schemas']['PreviewFailback'];
export type PreviewFailover = components['schemas']['PreviewFailover'];
export type PreviewFence = components['schemas']['PreviewFence'];
export type PreviewInterface = components['schemas']['PreviewInterface'];
export type PreviewPlannedFailover = components['schemas']['PreviewPlannedFailover'];
export type PreviewReprotect = components['schemas']['PreviewReprotect'];
export type PreviewTestFailover = components['schemas']['PreviewTestFailover'];
export type PreviewUndoFailover = components['schemas']['PreviewUndoFailover'];
export type Problem = components['schemas']['Problem'];
export type Protection = components['schemas']['Protection'];
export type ProtectionCounts = components['schemas']['ProtectionCounts'];
export type ProtectionEvent = components['schemas']['ProtectionEvent'];
export type ProtectionPage = components['schemas']['ProtectionPage'];
export type ProtectionsEvent = components['schemas']['ProtectionsEvent'];
export type ReadinessWish = components['schemas']['ReadinessWish'];
export type Reason = components['schemas']['Reason'];
export type RecoveryPlan = components['schemas']['RecoveryPlan'];
export type RecoveryPlanChange = components['schemas']['RecoveryPlanChange'];
export type RecoveryPlanPage = components['schemas']['RecoveryPlanPage'];
export type RecoveryPlanSpec = components['schemas']['RecoveryPlanSpec'];
export type ReprotectResult = components['schemas']['ReprotectResult'];
export type RestorePoint = components['schemas']['RestorePoint'];
export type RestorePointPage = components['schemas']['RestorePointPage'];
export type Retention = components['schemas']['Retention'];
export type Run = components['schemas']['Run'];
export type RunDetail = components['schemas']['RunDetail'];
export type RunEvent = components['schemas']['RunEvent'];
export type RunFailure = components['schemas']['RunFailure'];
export type RunFigures = components['schemas']['RunFigures'];
export type RunPage = components['schemas']['RunPage'];
export type RunReport = components['schemas']['RunReport'];
export type RunTotals = components['schemas']['RunTotals'];
export type Schedule = components['schemas']['Schedule'];
export type ScheduleChange = components['schemas']['ScheduleChange'];
export type ScheduleSpec = components['schemas']['ScheduleSpec'];
export type SeedCheck = components['schemas']['SeedCheck'];
export type SeedExportResult = components['schemas']['SeedExportResult'];
export type SeedFolder = components['schemas']['SeedFolder'];
export type SeedFolderPage = components['schemas']['SeedFolderPage'];
export type SeedImportResult = components['schemas']['SeedImportResult'];
export type SeedLinkResult = components['schemas']['SeedLinkResult'];
export type SeedSnapshot = components['schemas']['SeedSnapshot'];
export type SeedSnapshotPage = components['schemas']['SeedSnapshotPage'];
export type SeedSnapshotResult = components['schemas']['SeedSnapshotResult'];
export type SeedState = components['schemas']['SeedState'];
export type SelectedVm = components['schemas']['SelectedVm'];
export type Selection = components['schemas']['Selection'];
export type Server = components['schemas']['Server'];
export type ServerEvent = components['schemas']['ServerEvent'];
export type ServerSettings = components['schemas']['ServerSettings'];
export type ServerSettingsChange = components['schemas']['ServerSettingsChange'];
export type Setup = components['schemas']['Setup'];
export type SetupState = components['schemas']['SetupState'];
export type ShownToken = components['schemas']['ShownToken'];
export type StartCleanUp = components['schemas']['StartCleanUp'];
export type StartClone = components['schemas']['StartClone'];
export type StartFailback = components['schemas']['StartFailback'];
export type StartFailover = components['schemas']['StartFailover'];
export type StartFence = components['schemas']['StartFence'];
export type StartPlan = components['schemas']['StartPlan'];
export type StartPlannedFailover = components['schemas']['StartPlannedFailover'];
export type StartReprotect = components['schemas']['StartReprotect'];
export type StartRun = components['schemas']['StartRun'];
export type StartTestFailover = components['schemas']['StartTestFailover'];
export type StartUndoFailover = components['schemas']['StartUndoFailover'];
export type TakeSeedSnapshot = components['schemas']['TakeSeedSnapshot'];
export type Target = components['schemas']['Target'];
export type TargetFigures = components['schemas']['TargetFigures'];
export type TestCopy = components['schemas']['TestCopy'];
export type TestResult = components['schemas']['TestResult'];
export type Ticks = components['schemas']['Ticks'];
export type TimelineLine = components['schemas']['TimelineLine'];
export type Timing = components['schemas']['Timing'];
export type TokenPage = components['schemas']['TokenPage'];
export type Trigger = components['schemas']['Trigger'];
export type TurnedVm = components['schemas']['TurnedVm'];
export type UndoResult = components['schemas']['UndoResult'];
export type UpcomingPage = components['schemas']['UpcomingPage'];
export type UpcomingTick = components['schemas']['UpcomingTick'];
export type User = components['schemas']['User'];
export type UserChange = components['schemas']['UserChange'];
export type UserPage = components['schemas']['UserPage'];
export type Verification = components['schemas']['Verification'];
export type VerifiedEvent = components['schemas']['VerifiedEvent'];
export type VerifyRequest = components['schemas']['VerifyRequest'];
export type VerifyResult = components['schemas']['VerifyResult'];
export type VmByHand = components['schemas']['VmByHand'];
export type VmRun = components['schemas']['VmRun'];
export type VmRunDetail = components['schemas']['VmRunDetail'];
export type VmRunEvent = components['schemas']['VmRunEvent'];
export type VmRunPage = components['schemas']['VmRunPage'];
export type VmRunPlan = components['schemas']['VmRunPlan'];
export type VmSelector = components['schemas']['VmSelector'];
export type VmsByName = components['schemas']['VmsByName'];
export type VmsByTag = components['schemas']['VmsByTag'];
export type VmsOfPool = components['schemas']['VmsOfPool'];
export type WebhookChannel = components['schemas']['WebhookChannel'];
export type WebhookChannelChange = components['schemas']['WebhookChannelChange'];
export type $defs = Record<string, never>;
export interface operations {
    readonly postLogin: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["Credentials"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Me"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getSetup: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["SetupState"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postSetup: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["Setup"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Me"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postLogout: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getMe: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Me"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly putMePassword: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["PasswordChange"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postPoolsCertificate: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": {
                    /** @description `https://host[:port]`, without user and password */
                    readonly url: string;
                };
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Certificate"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getPools: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["PoolPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postPools: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewPool"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Pool"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getPoolsById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Pool"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly deletePoolsById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly patchPoolsById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["PoolChange"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Pool"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postPoolsByIdTest: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["PoolTest"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getPoolsByIdInventory: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["PoolInventory"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getJobs: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["JobPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postJobs: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewJob"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Job"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getJobsById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Job"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly deleteJobsById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["DeletedJob"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly patchJobsById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description ETag of the version that the change was made of; another one is refused with 412 */
                readonly "if-match"?: string;
            };
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["JobChange"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Job"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postJobsByIdEnable: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Job"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postJobsByIdDisable: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Job"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postJobsByIdSchedules: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["ScheduleSpec"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Schedule"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly deleteJobsByIdSchedulesBySchedule: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
                readonly schedule: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly patchJobsByIdSchedulesBySchedule: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
                readonly schedule: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["ScheduleChange"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Schedule"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postJobsPreview: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description VMs that any of `include` chooses and none of `exclude` */
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["Selection"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Preview"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postJobsNextTicks: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": {
                    readonly timing: components["schemas"]["Timing"];
                    readonly count: number;
                };
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Ticks"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getJobsUpcoming: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["UpcomingPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getJobsExport: {
        readonly parameters: {
            readonly query?: {
                readonly id?: readonly string[];
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["JobsDocument"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postJobsImport: {
        readonly parameters: {
            readonly query?: {
                readonly replace?: boolean;
            };
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["JobsDocument"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["JobPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getRuns: {
        readonly parameters: {
            readonly query?: {
                /** @description items at most; default 100 */
                readonly limit?: number;
                /** @description `next` of the page before */
                readonly after?: string;
                readonly job?: string;
                readonly schedule?: string;
                readonly vm?: string;
                readonly state?: readonly ("queued" | "running" | "success" | "partial" | "failed" | "cancelled" | "interrupted" | "skipped")[];
                /** @description ISO 8601, UTC */
                readonly since?: string;
                /** @description ISO 8601, UTC */
                readonly until?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RunPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postRuns: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["StartRun"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Run"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getRunsById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RunDetail"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postRunsByIdCancel: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Run"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getVmRuns: {
        readonly parameters: {
            readonly query?: {
                /** @description items at most; default 100 */
                readonly limit?: number;
                /** @description `next` of the page before */
                readonly after?: string;
                readonly run?: string;
                readonly vm?: string;
                readonly job?: string;
                readonly state?: readonly ("queued" | "waiting" | "running" | "success" | "failed" | "cancelled" | "interrupted" | "skipped")[];
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["VmRunPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getVmRunsById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["VmRunDetail"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getFigures: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RunFigures"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postVmRunsByIdCancel: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["VmRun"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getProtections: {
        readonly parameters: {
            readonly query?: {
                /** @description items at most; default 100 */
                readonly limit?: number;
                /** @description `next` of the page before */
                readonly after?: string;
                readonly state?: readonly ("protected" | "at-risk" | "missed" | "pending" | "paused" | "failed-over" | "unprotected")[];
                readonly job?: string;
                readonly pool?: string;
                readonly vm?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ProtectionPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getProtectionsCounts: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ProtectionCounts"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getRestorePoints: {
        readonly parameters: {
            readonly query: {
                readonly pool: string;
                readonly sr: string;
                readonly vm: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RestorePointPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postVerifications: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["VerifyRequest"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Verification"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getFailoverStatus: {
        readonly parameters: {
            readonly query?: {
                readonly pool?: string;
                readonly job?: string;
                readonly vm?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["FailoverStatusPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postFailoverPreview: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["PreviewClone"] | components["schemas"]["PreviewTestFailover"] | components["schemas"]["PreviewCleanUp"] | components["schemas"]["PreviewFence"] | components["schemas"]["PreviewFailover"] | components["schemas"]["PreviewPlannedFailover"] | components["schemas"]["PreviewUndoFailover"] | components["schemas"]["PreviewReprotect"] | components["schemas"]["PreviewFailback"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["FailoverPreview"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postFailover: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["StartClone"] | components["schemas"]["StartTestFailover"] | components["schemas"]["StartCleanUp"] | components["schemas"]["StartFence"] | components["schemas"]["StartFailover"] | components["schemas"]["StartPlannedFailover"] | components["schemas"]["StartUndoFailover"] | components["schemas"]["StartReprotect"] | components["schemas"]["StartFailback"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Activity"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getPlans: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RecoveryPlanPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postPlans: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["RecoveryPlanSpec"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RecoveryPlan"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postPlansCheck: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["RecoveryPlanSpec"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["PlanCheck"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getPlansById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RecoveryPlan"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly deletePlansById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly patchPlansById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description ETag of the version that the change was made of; another one is refused with 412 */
                readonly "if-match"?: string;
            };
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["RecoveryPlanChange"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["RecoveryPlan"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postPlansByIdPreview: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["StartPlan"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["PlanPreview"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getPlansByIdRuns: {
        readonly parameters: {
            readonly query?: {
                /** @description items at most; default 100 */
                readonly limit?: number;
                /** @description `next` of the page before */
                readonly after?: string;
            };
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ActivityPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postPlansByIdRuns: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["StartPlan"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Activity"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getSeedsSnapshots: {
        readonly parameters: {
            readonly query: {
                readonly pool: string;
                readonly vm: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["SeedSnapshotPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postSeedsSnapshots: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["TakeSeedSnapshot"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Activity"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getSeedsFolders: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["SeedFolderPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly deleteSeedsFoldersByName: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly name: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postSeedsExports: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        /** @description of a VM, of which a snapshot is taken, or of a snapshot: one of both */
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["ExportSeed"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Activity"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postSeedsImports: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["ImportSeed"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Activity"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postSeedsCheck: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["LinkSeed"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["SeedCheck"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postSeedsLinks: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["LinkSeed"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Activity"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getSeedsState: {
        readonly parameters: {
            readonly query: {
                readonly job: string;
                readonly vm: string;
                readonly pool: string;
                readonly sr: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["SeedState"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getActivities: {
        readonly parameters: {
            readonly query?: {
                /** @description items at most; default 100 */
                readonly limit?: number;
                /** @description `next` of the page before */
                readonly after?: string;
                readonly kind?: readonly ("verify" | "clone" | "test-failover" | "clean-up" | "fence" | "failover" | "planned-failover" | "undo-failover" | "reprotect" | "failback" | "plan" | "seed-snapshot" | "seed-export" | "seed-import" | "seed-link")[];
                readonly state?: readonly ("queued" | "running" | "done" | "failed" | "cancelled" | "interrupted")[];
                readonly job?: string;
                readonly vm?: string;
                readonly plan?: string;
                /** @description ISO 8601, UTC */
                readonly since?: string;
                /** @description ISO 8601, UTC */
                readonly until?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ActivityPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getActivitiesById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ActivityDetail"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly "getActivitiesByIdReport.md": {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "text/markdown": string;
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postActivitiesByIdCancel: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Activity"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postActivitiesByIdContinue: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Activity"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getChannels: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ChannelPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postChannels: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: {
                /** @description sent again within a day, the same request gets the same answer and nothing happens twice */
                readonly "idempotency-key"?: string;
            };
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewChannel"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Channel"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly deleteChannelsById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly patchChannelsById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["ChannelChange"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Channel"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postChannelsByIdTest: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ChannelTest"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getAlerts: {
        readonly parameters: {
            readonly query?: {
                /** @description items at most; default 100 */
                readonly limit?: number;
                /** @description `next` of the page before */
                readonly after?: string;
                readonly open?: boolean;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["AlertPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getEvents: {
        readonly parameters: {
            readonly query?: {
                readonly kind?: readonly ("pool" | "pool-removed" | "inventory" | "job" | "job-removed" | "run" | "vm-run" | "protection" | "protections" | "alert" | "activity" | "plan" | "plan-removed" | "verified")[];
                readonly job?: string;
                readonly run?: string;
                readonly vm?: string;
                readonly pool?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "text/event-stream": components["schemas"]["ServerEvent"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getServer: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["Server"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getServerLicences: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["LicencePage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getSettings: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ServerSettings"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly patchSettings: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["ServerSettingsChange"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ServerSettings"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getAudit: {
        readonly parameters: {
            readonly query?: {
                /** @description items at most; default 100 */
                readonly limit?: number;
                /** @description `next` of the page before */
                readonly after?: string;
                readonly actor?: string;
                readonly action?: string;
                readonly object?: string;
                /** @description ISO 8601, UTC */
                readonly since?: string;
                /** @description ISO 8601, UTC */
                readonly until?: string;
            };
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["AuditPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getLab: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["LabStatus"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postLab: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["LabStatus"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly deleteLab: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 202: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["LabStatus"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postLabGuestWrites: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["GuestWrites"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getUsers: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["UserPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postUsers: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewUser"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["User"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getUsersById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["User"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly deleteUsersById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly patchUsersById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["UserChange"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["User"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly getTokens: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 200: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["TokenPage"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly postTokens: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path?: never;
            readonly cookie?: never;
        };
        readonly requestBody: {
            readonly content: {
                readonly "application/json": components["schemas"]["NewToken"];
            };
        };
        readonly responses: {
            /** @description done */
            readonly 201: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/json": components["schemas"]["ShownToken"];
                };
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readonly deleteTokensById: {
        readonly parameters: {
            readonly query?: never;
            readonly header?: never;
            readonly path: {
                readonly id: string;
            };
            readonly cookie?: never;
        };
        readonly requestBody?: never;
        readonly responses: {
            /** @description done */
            readonly 204: {
                headers: {
                    readonly [name: string]: unknown;
                };
                content?: never;
            };
            /** @description what went wrong */
            readonly "4XX": {
                headers: {
                    readonly [name: string]: unknown;
                };
                content: {
                    readonly "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
