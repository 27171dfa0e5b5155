// Loaded into worker threads that a test starts: lets them import .ts files, which `--import tsx` does in main threads only.
import { register } from 'tsx/esm/api';

register();
