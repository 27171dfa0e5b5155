// The layers of the project; `npm run check` refuses an import that breaks them.
const stage = '^functions/(ingest|detect|embed|match|status)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'config-imports-nobody',
      comment: 'config is what everybody shares',
      severity: 'error',
      from: { path: '^config/' },
      to: { path: '^(delivery|functions|controller|cli|console)/' },
    },
    {
      name: 'delivery-imports-config-only',
      comment: 'workers and local controllers share it, and never meet otherwise',
      severity: 'error',
      from: { path: '^delivery/' },
      to: { path: '^(functions|controller|cli|console)/' },
    },
    {
      name: 'stages-do-not-deliver',
      comment: 'they emit; their host delivers',
      severity: 'error',
      from: { path: stage },
      to: { path: '^delivery/' },
    },
    {
      name: 'functions-and-controller-never-meet',
      severity: 'error',
      from: { path: '^functions/' },
      to: { path: '^(controller|cli|console)/' },
    },
    {
      name: 'controller-and-functions-never-meet',
      severity: 'error',
      from: { path: '^controller/' },
      to: { path: '^(functions|cli|console)/' },
    },
    {
      name: 'stages-never-import-each-other',
      comment: 'they meet in events only',
      severity: 'error',
      from: { path: stage },
      to: { path: stage, pathNot: '^functions/$1/' },
    },
    {
      name: 'core-is-pure',
      comment: 'no package, no clock, no file: only its own folder and the types of events',
      severity: 'error',
      from: { path: '^functions/[^/]+/core/' },
      to: { pathNot: ['^functions/[^/]+/core/', '^config/'] },
    },
    {
      name: 'stages-do-not-know-their-host',
      severity: 'error',
      from: { path: stage },
      to: { path: '^functions/host/' },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { pathNot: '^(test|bench)/' },
      to: { path: '^(test|bench)/' },
    },
    {
      name: 'no-dev-dependencies-at-run-time',
      severity: 'error',
      from: { path: '^(config|delivery|functions|controller|cli|console)/', pathNot: '^config/generate' },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|out|node_modules)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};
