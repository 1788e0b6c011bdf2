import { readEnvironment } from '@omg/config';
import { runService } from '@omg/service';
import { loadConfig } from './config.ts';
import { startService } from './service.ts';

await runService(async () => await startService(loadConfig(readEnvironment())), { name: 'router' });
